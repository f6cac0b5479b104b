/**
 * `npm run demo`: two humans and five agents carry out a small project on a running server, while a watcher follows it
 * over the websocket. Ends with exit code 0 when everything that Baton promises was seen to hold.
 *
 * BATON_URL: where the server is; default http://127.0.0.1:4000. BATON_TOKEN: its admin token, if it has one.
 * BATON_DEMO_PACE: how slow the play is; default 1, and 0.1 is ten times faster.
 */
import { randomBytes } from 'node:crypto';
import { BatonClient } from '../sdk/baton-client.js';
import { BatonRequestError } from '../sdk/errors.js';
import { ViewerDocument, type ViewerQuery } from '../sdk/generated.js';
import { Findings } from './findings.js';
import { play, type Setting } from './play.js';
import { Stage } from './stage.js';
import { summarize } from './summary.js';

const environment = process.env;
const url = environment.BATON_URL || 'http://127.0.0.1:4000';
const token = environment.BATON_TOKEN || undefined;
const pace = Number(environment.BATON_DEMO_PACE || 1);

const breakOff = new AbortController();
try {
  if (!URL.canParse(url)) throw new Error(`BATON_URL is not an address: ${url}`);
  if (!(pace > 0)) throw new Error('BATON_DEMO_PACE must be a number above 0.');
  const operator = new BatonClient({ url, token });
  const viewer = await connect(operator);

  const deadlineSeconds = 60 + 60 * pace;
  const deadline = setTimeout(() => {
    breakOff.abort(new Error(`The play should take half a minute, and was not over after ${deadlineSeconds} seconds.`));
  }, deadlineSeconds * 1000);
  const stage = new Stage({ pace, signal: breakOff.signal });
  stage.print(`Baton at ${url}, in the organization ${viewer.organization.name} as ${viewer.kind}`);
  const setting: Setting = {
    stage,
    operator,
    url,
    token,
    findings: new Findings(),
    run: randomBytes(3).toString('hex'),
    breakOff: (reason) => breakOff.abort(reason),
  };
  await summarize(setting, await play(setting));
  clearTimeout(deadline);
  process.exitCode = setting.findings.allHold ? 0 : 1;
} catch (error) {
  process.stderr.write(`\n${explain(error)}\n`);
  // Whoever is still at work has nobody to tell it to: the exit is immediate.
  process.exit(1);
}

/** Who we are to the server. Throws an error that says what to do when it does not answer, or not to us. */
async function connect(operator: BatonClient): Promise<ViewerQuery['viewer']> {
  try {
    return (await operator.request(ViewerDocument, {})).viewer;
  } catch (error) {
    if (!(error instanceof BatonRequestError)) {
      const advice = 'start it with npm start, or set BATON_URL to where it runs';
      throw new Error(`No Baton server answers at ${url}: ${advice}`, { cause: error });
    }
    if (error.code !== 'UNAUTHENTICATED') throw error;
    throw new Error(`The server at ${url} asks for a credential: set BATON_TOKEN to its ADMIN_TOKEN`, { cause: error });
  }
}

/** The error and what caused it, in one line. */
function explain(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause ? `${error.message} (${explain(error.cause)})` : error.message;
}
