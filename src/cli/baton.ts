#!/usr/bin/env node
import { run } from './baton/program.js';

await run(process.argv);
