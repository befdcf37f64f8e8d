// Runs scripts of this folder as they stand. Each line on standard input is {"script", "url",
// "token"}, each line on standard output {"printed": [...], "error": null or what it threw}. Node
// strips the types; only the test agent is ours, the SDK is the real one from the folder of packages.

import { createRequire, registerHooks } from 'node:module';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';

const [packages] = process.argv.slice(2);
const sdk = createRequire(`${packages}/package.json`).resolve('@adcp/sdk');
const places = {
  '@adcp/sdk': pathToFileURL(sdk).href,
  '@adcp/sdk/testing': new URL('agent.js', import.meta.url).href,
};

registerHooks({
  resolve(specifier, context, nextResolve) {
    const url = places[specifier];
    return url ? { url, shortCircuit: true } : nextResolve(specifier, context);
  },
});

async function run(name, times) {
  const printed = [];
  const print = console.log;
  console.log = (...words) => printed.push(words.join(' '));
  try {
    await import(`./${name}.ts?${times}`);
    return { printed, error: null };
  } catch (error) {
    return { printed, error: `${error.name}: ${error.message}` };
  } finally {
    console.log = print;
  }
}

let times = 0;
for await (const line of createInterface({ input: process.stdin })) {
  const { script, url, token } = JSON.parse(line);
  Object.assign(process.env, { AGENT_URL: url, AGENT_TOKEN: token });
  times += 1;
  process.stdout.write(`${JSON.stringify(await run(script, times))}\n`);
}
