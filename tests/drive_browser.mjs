// Drives Debian's Chromium for a test: each line that comes in is a call, each that goes out an answer.
//
// A call is {"method": "keyboard.press", "arguments": ["n"]} on the page (methods of the page, or of
// its keyboard, mouse and touchscreen), or {"open": {…}} for a new page in a context of these options.
// An answer is {"value": …} or {"error": "…"}; it comes with what the page has said and asked for.
import { createInterface } from "node:readline";
import { createRequire } from "node:module";

const [browserPath, modules] = process.argv.slice(2);
const { chromium } = createRequire(`${modules}/`)("playwright-core");
const browser = await chromium.launch({
  executablePath: browserPath,
  args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-quic"],
});
let page;
let seen;

async function open(options) {
  await page?.context().close();
  page = await (await browser.newContext(options)).newPage();
  page.setDefaultTimeout(30000);
  seen = { console: [], requests: [] };
  const { console: said, requests } = seen;
  page.on("console", (message) => said.push(`${message.type()}: ${message.text()}`));
  page.on("pageerror", (error) => said.push(`error: ${error.message}`));
  page.on("request", (request) => requests.push(request.url().slice(0, 200)));
}

async function answer({ open: options, method, arguments: values = [] }) {
  if (options) return open(options);
  const path = method.split(".");
  const last = path.pop();
  const holder = path.reduce((object, name) => object[name], page);
  const value = await holder[last](...values);
  if (Buffer.isBuffer(value)) return value.toString("base64");
  return method === "goto" ? null : value; // a response is no JSON
}

for await (const line of createInterface({ input: process.stdin })) {
  let reply;
  try {
    reply = { value: (await answer(JSON.parse(line))) ?? null };
  } catch (error) {
    reply = { error: error.message };
  }
  process.stdout.write(`${JSON.stringify({ ...reply, seen })}\n`);
}
await browser.close();
