import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';

/** A tool of OpenCode that the model asks for. */
export type ToolCall =
  | { name: 'write'; arguments: { filePath: string; content: string } }
  | { name: 'bash'; arguments: { command: string; description: string } };

export interface StreamingModel {
  url: string;
  /** What it was sent, with what signed in. */
  requests: { authorization: string | undefined; body: string }[];
  /** What is to be done in answer to a prompt; nothing when the words will do. */
  onPrompt: (prompt: string) => ToolCall | undefined;
}

interface ChatRequest {
  model: string;
  tools?: unknown[];
  messages: { role: string; content: unknown }[];
}

/** A model as OpenCode needs it: it streams, asks for a tool, and says that it is done when the tool has answered. */
export async function useStreamingModel(): Promise<StreamingModel> {
  const stub: StreamingModel = { url: '', requests: [], onPrompt: () => undefined };
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request.setEncoding('utf8')) body += chunk;
    stub.requests.push({ authorization: request.headers.authorization, body });
    const { model, tools = [], messages } = JSON.parse(body) as ChatRequest;
    const last = messages.at(-1);
    const isPrompt = last?.role === 'user' && tools.length > 0;
    const tool = isPrompt ? stub.onPrompt(JSON.stringify(last.content)) : undefined;
    const delta = tool
      ? {
          tool_calls: [
            {
              index: 0,
              id: 'call_1',
              type: 'function',
              function: { name: tool.name, arguments: JSON.stringify(tool.arguments) },
            },
          ],
        }
      : { content: 'It is done.' };
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(chunkOf(model, { role: 'assistant', ...delta }, null));
    response.write(chunkOf(model, {}, tool ? 'tool_calls' : 'stop'));
    response.end('data: [DONE]\n\n');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  stub.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
  return stub;
}

function chunkOf(model: string, delta: object, finishReason: string | null): string {
  const choices = [{ index: 0, delta, finish_reason: finishReason }];
  return `data: ${JSON.stringify({ id: 'chat_1', object: 'chat.completion.chunk', created: 1, model, choices })}\n\n`;
}
