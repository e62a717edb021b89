// Drives the console with Chromium, against the sandboxes of LINE and HubSpot. Arguments: the program, the folder with
// playwright-core, the folder for pictures.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";

const [program, tools, pictures] = process.argv.slice(2).map((path) => resolve(path));
const { chromium } = createRequire(join(tools, "package.json"))("playwright-core");

const PASSWORD = "correct horse battery";
const PHONE = { width: 390, height: 844 };
const DESK = { width: 1200, height: 900 };
const FLAGS = [
  "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync",
];
const MARKUP = [
  "<script>hit()</script>", "\"><img src=x onerror=hit()>", "'><svg/onload=hit()>", "<iframe src=http://foreign.example>",
  "<a href=javascript:hit()>x</a>", "{{7*7}}", "</title><script>hit()</script>", "<style>@import 'http://foreign.example'</style>",
  "&lt;script&gt;", "\u202e<b>",
];
const ADDRESSES = [
  "https://foreign.example/a.png", "https://profile.line-scdn.net.foreign.example/a", "https://profile.line-scdn.net@foreign.example/a",
  "https://foreign.example/?https://profile.line-scdn.net/", "https://profile.line-scdn.net:444/a",
];
const HOSTILE = 500;

const children = [];
const directory = mkdtempSync(join(tmpdir(), "kizuna-console-"));
mkdirSync(pictures, { recursive: true });

/** Starts the program and gives the first line that it prints, which is JSON. */
async function start(args, variables) {
  const child = spawn(program, args, { env: { PATH: process.env.PATH, ...variables }, cwd: directory, stdio: ["ignore", "pipe", "inherit"] });
  children.push(child);
  for await (const line of createInterface({ input: child.stdout })) {
    return JSON.parse(line);
  }
  throw new Error(`kizuna ${args.join(" ")} ended`);
}

/** Takes a picture at both widths; nothing may stick out of a phone. */
async function picture(page, name) {
  for (const [width, size] of [["desk", DESK], ["phone", PHONE]]) {
    await page.setViewportSize(size);
    await page.screenshot({ path: join(pictures, `${name}-${width}.png`), fullPage: true });
  }
  const overhang = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  assert.ok(overhang <= 0, `${name} is ${overhang} pixels too wide for a phone`);
  await page.setViewportSize(DESK);
}

async function setUp(page, link) {
  await page.goto(link);
  await picture(page, "welcome");
  await page.fill("[name=name]", "花子");
  await page.fill("[name=password]", PASSWORD);
  await page.fill("[name=again]", PASSWORD);
  await page.click("button.main");
  await page.waitForSelector("#quota");
  await picture(page, "dashboard-empty");
}

async function connect(page, channel, name) {
  await page.click("a[href='/connect']");
  await picture(page, "connect");
  await page.fill("[name=channel_id]", channel.channel_id);
  await page.fill("[name=channel_secret]", channel.channel_secret);
  if (name) await page.fill("[name=name]", name);
  await page.click("form[action='/connect'] button");
  await page.waitForSelector(".steps");
  await picture(page, "connected");
  assert.equal(await page.locator(".steps li.failed").count(), 0, await page.locator(".steps").innerText());
}

/** Gives the account each hostile name and picture address; `watch` tells what the browser did meanwhile. */
async function attack(page, base) {
  for (let place = 0; place < HOSTILE; place += 1) {
    const name = `${MARKUP[place % MARKUP.length]}${place}`;
    await page.goto(`${base}/connections/1`);
    await page.fill("[name=name]", name);
    await page.fill("[name=description]", name);
    await page.fill("[name=icon]", ADDRESSES[place % ADDRESSES.length]);
    await page.click("form[action='/connections/1'] button");
    const shown = await page.locator("h1").innerText();
    assert.ok(shown.includes(String(place)), `${name} is shown as ${shown}`);
  }
  await page.goto(base);
}

/** Checks the account, looks at the form for new credentials, and makes a dry run of a replay, which the page follows by itself. */
async function operate(page, base) {
  await page.goto(`${base}/connections/1/check`);
  await page.click("form[action='/connections/1/check'] button");
  assert.ok(await page.locator(".steps li").count() > 10, await page.innerText("main"));
  const failed = await page.locator(".steps li.failed").count();
  assert.equal(await page.locator(".steps li.failed .todo").count(), failed, await page.innerText(".steps"));
  await picture(page, "check");
  await page.goto(`${base}/connections/1/rotation`);
  await picture(page, "rotation");
  await page.goto(`${base}/replay`);
  await page.click("form[action='/replay'] button");
  await page.waitForSelector("#outcome");
  await picture(page, "replay");
}

async function drive() {
  const sandbox = await start(["sandbox"], {});
  const up = await start(["up", "--json"], {
    KIZUNA_DATA_DIR: directory, KIZUNA_LISTEN: "127.0.0.1:0", KIZUNA_ADMIN_LISTEN: "127.0.0.1:0",
    KIZUNA_CONSOLE_LISTEN: "127.0.0.1:0", KIZUNA_LINE_API_URL: sandbox.line_api_url,
    KIZUNA_HUBSPOT_API_URL: sandbox.hubspot_api_url, KIZUNA_HUBSPOT_TOKEN: sandbox.hubspot_token,
  });
  const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: FLAGS });
  const page = await browser.newPage({ locale: "ja-JP", viewport: DESK });
  const foreign = [];
  let hits = 0;
  await page.exposeFunction("hit", () => { hits += 1; });
  page.on("dialog", (dialog) => { hits += 1; dialog.dismiss(); });
  page.on("request", (request) => {
    const { origin, protocol } = new URL(request.url());
    const isKnown = origin === up.console_url || origin === "https://profile.line-scdn.net" || protocol === "data:";
    if (!isKnown) foreign.push(request.url());
  });

  await setUp(page, up.setup_url);
  await connect(page, sandbox.line_channels[0]);
  await page.goto(up.console_url);
  assert.equal(await page.locator(".cards li").count(), 1);
  await picture(page, "dashboard");
  for (const path of ["connections/1", "dead-letters", "settings", "people", "changes"]) {
    await page.goto(`${up.console_url}/${path}`);
    await picture(page, path.replace("/", "-"));
  }
  await attack(page, up.console_url);
  await picture(page, "hostile");
  await operate(page, up.console_url);
  assert.equal(hits, 0, "a script ran");
  assert.deepEqual(foreign, [], "the browser asked others");
  await browser.close();
  console.log(`console: an account connected in the browser, ${HOSTILE} hostile names shown as text, pictures in ${pictures}`);
}

try {
  await drive();
} finally {
  for (const child of children) child.kill();
  rmSync(directory, { recursive: true, force: true });
}
