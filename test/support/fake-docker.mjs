// What `docker` on PATH runs in tests; fake-docker.ts says what it does. Arguments: its directory, then those of docker.
import fs from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';

const [home, ...args] = process.argv.slice(2);
const note = (file, line) => fs.appendFileSync(`${home}/${file}`, `${line}\n`);
note('calls', JSON.stringify({ args, env: process.env, pid: process.pid }));
const plan = JSON.parse(fs.readFileSync(`${home}/plan.json`, 'utf8'));
const fileOf = (container) => `${home}/containers/${container}`;

if (args[0] === 'stop') await stop(args.at(-1));
else await run(args[args.indexOf('--name') + 1]);

async function run(container) {
  const end = (code) => {
    note('running', '-1');
    fs.rmSync(fileOf(container), { force: true });
    process.exit(code);
  };
  process.on('SIGTERM', () => {
    if (!plan.ignoresSigterm) end(143);
  });
  note('running', '1');
  fs.writeFileSync(fileOf(container), String(process.pid));
  for (const line of plan.output ?? []) fs.writeSync(1, `${line}\n`);
  for (const line of plan.errors ?? []) fs.writeSync(2, `${line}\n`);
  while (plan.hangs && !fs.existsSync(`${home}/may-end`)) await pause(20);
  end(plan.exitCode ?? 0);
}

async function stop(container) {
  if (!fs.existsSync(fileOf(container))) {
    console.error(`Error response from daemon: No such container: ${container}`);
    process.exit(1);
  }
  const pid = Number(fs.readFileSync(fileOf(container), 'utf8'));
  const seconds = plan.stopSeconds ?? Number(args[2]);
  if (isAlive(pid)) process.kill(pid, 'SIGTERM');
  for (let waited = 0; isAlive(pid) && waited < seconds * 1000; waited += 20) await pause(20);
  if (isAlive(pid)) {
    process.kill(pid, 'SIGKILL');
    note('running', '-1');
  }
  fs.rmSync(fileOf(container), { force: true });
  console.log(container);
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
