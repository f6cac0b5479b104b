#!/usr/bin/env node
import { run } from './tqc/run.js';

process.exitCode = await run(process.argv.slice(2), process);
