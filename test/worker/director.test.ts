import { describe, expect, it } from 'vitest';
import { turnAnswer } from '../../src/worker/director/answers.js';
import { Director } from '../../src/worker/director/director.js';
import { type ModelAnswer, useStubModel } from '../support/agent-run.js';

const question = { instructions: 'Answer with "complete".', situation: 'Nothing is done.' };
const done = { complete: true, summary: 'Done.', next_prompt: '' };

async function useDirector(answers: ModelAnswer[], path = '') {
  const model = await useStubModel();
  model.script.turn = answers;
  const warnings: string[] = [];
  const warn = (message: string) => void warnings.push(message);
  const director = new Director({ url: `${model.url}${path}`, model: 'm', timeoutMs: 5000, warn, firstPauseMs: 1 });
  return { model, warnings, ask: () => director.ask(question, turnAnswer) };
}

describe('the Director', () => {
  it.each(['', '/', '/v1', '/v1/', '/proxy/v1'])('is asked at one address, whatever the setting ends with: %j', async (path) => {
    const { model, ask } = await useDirector([done], path);

    await ask();

    expect(model.requests).toMatchObject([
      {
        path: path.startsWith('/proxy') ? '/proxy/v1/chat/completions' : '/v1/chat/completions',
        authorization: undefined,
        body: {
          model: 'm',
          messages: [
            { role: 'system', content: question.instructions },
            { role: 'user', content: question.situation },
          ],
          max_tokens: 1024,
          temperature: 0.2,
          stream: false,
        },
      },
    ]);
  });

  it.each([
    ['bare', JSON.stringify(done)],
    ['fenced', `\`\`\`json\n${JSON.stringify(done)}\n\`\`\``],
    ['fenced without a language', `\`\`\`\n${JSON.stringify(done)}\n\`\`\``],
    ['after its thoughts', `<think>Is it {complete}?</think>\n${JSON.stringify(done)}`],
    ['amid words', `I have decided.\n${JSON.stringify(done)}\nThat is all.`],
    ['with keys of its own', JSON.stringify({ ...done, confidence: 1 })],
    ['without what may be left out', JSON.stringify({ complete: true, summary: 'Done.' })],
  ])('may answer its object %s', async (_, answer) => {
    const { ask } = await useDirector([answer]);

    expect(await ask()).toEqual(done);
  });

  it('is asked again while it cannot answer, a bounded number of times', async () => {
    const passing = await useDirector([503, 429, done]);
    const lasting = await useDirector([503]);

    expect(await passing.ask()).toEqual(done);
    await expect(lasting.ask()).rejects.toMatchObject({
      name: 'DirectorError',
      message: expect.stringContaining("The Director's model answered 503: "),
    });
    expect(lasting.model.requests).toHaveLength(3);
    expect(lasting.warnings).toHaveLength(2);
  });

  it('is asked no more when it refuses', async () => {
    const { model, ask } = await useDirector([401]);

    await expect(ask()).rejects.toMatchObject({ name: 'DirectorError' });
    expect(model.requests).toHaveLength(1);
  });

  it('is told what is wrong with its answer, once', async () => {
    const { model, ask } = await useDirector([{ complete: 'yes' }, { complete: false }]);

    await expect(ask()).rejects.toMatchObject({
      name: 'DirectorError',
      message: expect.stringMatching(/^The Director's answer could not be used, nor could the one that it was asked to mend/),
    });
    expect(model.requests).toHaveLength(2);
    expect(model.requests[1]?.body.messages.at(-1)?.content).toContain(
      'Your answer cannot be used: complete: Invalid input: expected boolean, received string.',
    );
  });
});
