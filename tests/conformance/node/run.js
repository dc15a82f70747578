'use strict';
/* node run.js FILE TRANSPORT [CASE…]: runs the cases that FILE exports, one after the other, and prints
 * "ok NAME" or "not ok NAME" with the reason. The place is described by the environment:
 *   EDGE_HUB     host name of the cloud       EDGE_SERVICE  a service connection string
 *   EDGE_CA      file with its CA (NODE_EXTRA_CA_CERTS names it too: some SDKs have no option for it) */
const path = require('path');

const CASE_MS = 90000;

function limit(promise, ms) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not done within ${ms} ms`)), ms);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

async function main() {
  const [file, transport, ...names] = process.argv.slice(2);
  const cases = require(path.resolve(__dirname, file));
  let failed = 0;
  let ran = 0;

  for (const [name, fn] of Object.entries(cases)) {
    if (names.length > 0 && !names.includes(name)) continue;
    if (fn.only && !fn.only.includes(transport)) continue;
    const undo = [];
    ran++;
    try {
      await limit(fn(transport, (step) => undo.unshift(step)), CASE_MS);
      console.log(`ok ${name}`);
    } catch (error) {
      failed++;
      console.log(`not ok ${name}: ${error && error.stack ? error.stack.replace(/\n/g, ' | ') : error}`);
    }
    for (const step of undo) await limit(Promise.resolve().then(step), 10000).catch(() => {});
  }
  console.log(`ran ${ran}`);
  process.exit(failed ? 1 : 0);
}

process.on('uncaughtException', (error) => {
  console.log(`not ok (uncaught): ${error.stack}`);
  process.exit(1);
});
main();
