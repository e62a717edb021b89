// Drives the console with Chromium, against the sandboxes of LINE and HubSpot. Arguments: the program, the folder with
// playwright-core, the folder for pictures. Every wait is for something to be there, and long enough for a machine that is busy.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createHmac } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";

const [program, tools, pictures] = process.argv.slice(2).map((path) => resolve(path));
const { chromium } = createRequire(join(tools, "package.json"))("playwright-core");

const PASSWORD = "correct horse battery";
const PHONE = { width: 390, height: 844 };
const DESK = { width: 1200, height: 900 };
/** Chromium's sandbox does not work for root; in a container /dev/shm may be small. */
const FLAGS = [
  ...(process.getuid() === 0 ? ["--no-sandbox"] : []), "--disable-dev-shm-usage", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync",
];
const MARKUP = [
  "<script>hit()</script>", "\"><img src=x onerror=hit()>", "'><svg/onload=hit()>", "<iframe src=http://foreign.example>",
  "<a href=javascript:hit()>x</a>", "{{7*7}}", "</title><script>hit()</script>", "<style>@import 'http://foreign.example'</style>",
  "&lt;script&gt;", "\u202e<b>", "</bdi></td></tr></table><script>hit()</script>", "<script src=//foreign.example/x.js></script>",
  "<link rel=stylesheet href=//foreign.example>", "<meta http-equiv=refresh content='0;url=http://foreign.example'>",
  "<object data=//foreign.example>", "<form action=//foreign.example><button autofocus onfocus=hit()>", "<base href=//foreign.example>",
  "<details open ontoggle=hit()>", "<video autoplay onloadstart=hit()><source src=//foreign.example>", "x\u2028</script><script>hit()//",
  "--><script>hit()</script><!--", "]]><script>hit()</script>", "</textarea><script>hit()</script>", "<math><mtext></p><script>hit()</script>",
  "javascript:hit()",
];
const ADDRESSES = [
  "https://foreign.example/a.png", "https://profile.line-scdn.net.foreign.example/a", "https://profile.line-scdn.net@foreign.example/a",
  "https://foreign.example/?https://profile.line-scdn.net/", "https://profile.line-scdn.net:444/a", "http://profile.line-scdn.net/a",
  "//foreign.example/a", "javascript:hit()", "data:image/svg+xml,<svg onload=hit()>", "https://profile.line-scdn.net/a\" onerror=\"hit()",
  "https://profile.line-scdn.net/\"><script>hit()</script>",
];
/** Friends with a hostile name, text and picture address each. */
const HOSTILE = 500;
/** Hostile strings that fit into one name of an account. */
const NAMES_IN_ONE = 3;
/** Acts that the sandbox plays at the same time. */
const AT_ONCE = 16;
/** Within this time a page is there, and whatever was played is seen in the console. */
const PATIENCE_MS = 180_000;
/** The step of an authenticator app. */
const STEP_MS = 30_000;
const PICTURES = "https://profile.line-scdn.net";
const PIXEL = Buffer.from("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==", "base64");

const began = Date.now();
const children = [];
/** What the programs logged. */
const logged = [];
const directory = mkdtempSync(join(tmpdir(), "kizuna-console-"));
mkdirSync(pictures, { recursive: true });

/** Starts the program and gives the first line that it prints, which is JSON. */
async function start(args, variables) {
  const child = spawn(program, args, { env: { PATH: process.env.PATH, ...variables }, cwd: directory, stdio: ["ignore", "pipe", "pipe"] });
  children.push(child);
  child.stderr.on("data", (bytes) => logged.push(bytes));
  for await (const line of createInterface({ input: child.stdout })) {
    return JSON.parse(line);
  }
  throw new Error(`kizuna ${args.join(" ")} ended`);
}

/** A port that nobody listens at. */
function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer().once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

/** Has the sandbox play what a person does; tells what came of it. */
async function play(sandbox, user, act, body = {}) {
  const address = `${sandbox.control_url}/line/${sandbox.line_channels[0].channel_id}/friends/${encodeURIComponent(user)}/${act}`;
  const answer = await fetch(address, { method: "POST", body: JSON.stringify(body) });
  const told = await answer.json();
  assert.ok(answer.ok, `${act}: ${JSON.stringify(told)}`);
  return told;
}

/** Loads a page again and again until it holds what is looked for. */
async function eventually(page, address, what, holds) {
  const until = Date.now() + PATIENCE_MS;
  do {
    await page.goto(address);
    const found = await holds();
    if (found) return found;
  } while (Date.now() < until);
  throw new Error(`${what}: not on ${address} in time, which shows ${await page.locator("main").innerText()}`);
}

/** Presses a button that loads a page, and waits for that page. */
async function press(page, selector) {
  const loaded = page.waitForEvent("domcontentloaded");
  await page.click(selector);
  await loaded;
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
  await press(page, "button.main");
  await page.waitForSelector("#quota");
  await picture(page, "dashboard-empty");
}

/** The code that an authenticator app with this secret shows in a step. */
function codeOf(secret, step) {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  const bits = [...secret].map((letter) => alphabet.indexOf(letter).toString(2).padStart(5, "0")).join("");
  const key = Buffer.from(bits.match(/.{8}/g).map((byte) => parseInt(byte, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(step));
  const mac = createHmac("sha1", key).update(counter).digest();
  const number = mac.readUInt32BE(mac.at(-1) & 0xf) & 0x7fffffff;
  return String(number % 1_000_000).padStart(6, "0");
}

/** Switches two-factor authentication on, as somebody with an app does. Gives the recovery codes. */
async function equip(page, base) {
  await page.goto(`${base}/account`);
  await press(page, "form[action='/account/second-factor'] button");
  await page.waitForSelector("svg.qr");
  await picture(page, "account-set-up");
  const secret = await page.locator("#secret").innerText();
  assert.ok((await page.locator("#uri").getAttribute("href")).includes(`secret=${secret}`));
  let used = 0;
  // On a machine that stands still for a minute a code may come too late: then the next one is entered, as people do.
  const enter = async (form, isIn) => {
    for (let attempt = 0; attempt < 4; attempt += 1) {
      // One step early counts; a step that was used does not.
      used = Math.max(used + 1, Math.floor(Date.now() / STEP_MS));
      await page.fill(`${form} [name=code]`, codeOf(secret, used));
      await press(page, `${form} button`);
      if ((await page.locator(isIn).count()) > 0) return;
    }
    throw new Error(`no code was accepted: ${await page.locator("main").innerText()}`);
  };
  await enter("form[action='/account/second-factor/confirm']", "#recovery-codes");
  const codes = await page.locator("#recovery-codes code").allInnerTexts();
  assert.equal(codes.length, 10);
  await picture(page, "account-recovery-codes");
  await press(page, "form[action='/logout'] button");
  await enterPassword(page, base);
  await page.waitForSelector("#app");
  await picture(page, "code");
  await enter("#app", "#quota");
  await page.goto(`${base}/account`);
  await picture(page, "account");
  return codes;
}

async function enterPassword(page, base) {
  await page.goto(`${base}/login`);
  await page.fill("[name=name]", "花子");
  await page.fill("[name=password]", PASSWORD);
  await press(page, "button.main");
}

/** Somebody without the app, and without scripts, on a phone: a recovery code lets them in once. */
async function enterWithoutApp(browser, base, code) {
  const context = await browser.newContext({ javaScriptEnabled: false, locale: "ja-JP", viewport: PHONE });
  context.setDefaultTimeout(PATIENCE_MS);
  const page = await context.newPage();
  for (const isGood of [true, false]) {
    await enterPassword(page, base);
    await page.locator("summary").click();
    await page.fill("#recovery [name=code]", code);
    await press(page, "#recovery button");
    assert.equal(await page.locator("#quota").count() > 0, isGood, await page.locator("main").innerText());
    if (isGood) await press(page, "form[action='/logout'] button");
  }
  await context.close();
}

async function connect(page, channel, name) {
  await press(page, "a[href='/connect']");
  await picture(page, "connect");
  await page.fill("[name=channel_id]", channel.channel_id);
  await page.fill("[name=channel_secret]", channel.channel_secret);
  if (name) await page.fill("[name=name]", name);
  await press(page, "form[action='/connect'] button");
  await page.waitForSelector(".steps");
  await picture(page, "connected");
  assert.equal(await page.locator(".steps li.failed").count(), 0, await page.locator(".steps").innerText());
  for (const sentence of await page.locator(".steps .hint, .steps .todo").allInnerTexts()) {
    assert.match(sentence, /[\u3040-\u30ff\u4e00-\u9fff]/, "told in Japanese");
  }
}

/** A person adds the account and writes: the dashboard counts, the search finds, and the page tells why somebody waits. */
async function befriend(page, base, sandbox) {
  await play(sandbox, "田中さくら", "follow");
  await play(sandbox, "田中さくら", "message", { text: "予約の変更はできますか？" });
  const card = page.locator(".cards li");
  await eventually(page, base, "a friend who waits", async () => (await card.innerText()).match(/友だち 1\s+未対応 1/));
  await page.goto(base);
  await picture(page, "dashboard");
  await press(page, "nav a[href='/friends']");
  await page.fill("[name=find]", "サクラ");
  await page.selectOption("[name=connection]", "1");
  await press(page, ".find button");
  await picture(page, "friends");
  assert.equal(await page.locator(".friends tbody tr").count(), 1);
  const address = new URL(await page.locator("a.person").getAttribute("href"), base).href;
  const row = page.locator(".values tr", { hasText: "LINE Unanswered _ 1" });
  await eventually(page, address, "HubSpot has it", async () => (await row.innerText()).includes("反映済み"));
  const told = await row.innerText();
  assert.ok(told.includes("Yes") && told.includes("メッセージ受信"), told);
  assert.match(await page.locator("a.main").getAttribute("href"), /^https:\/\/app\.hubspot\.com\/contacts\/\d+\/record\/0-1\/\d+$/);
  assert.equal(await page.locator(".values tbody tr").count(), 7);
  await picture(page, "friend");
  await press(page, ".languages button[value=en]");
  assert.equal(page.url(), address);
  assert.ok((await row.innerText()).includes("Message"), "the same page in English");
  await picture(page, "friend-english");
  await press(page, ".languages button[value=ja]");
  return address;
}

/** The user ID in the address of a friend's page. */
const userOf = (address) => new URL(address).searchParams.get("user");

const hostileName = (place) => `${MARKUP[place % MARKUP.length]}${place}`;

/** Many people with hostile names, pictures and texts become friends. */
async function invade(sandbox) {
  const invader = async (place) => {
    const [user, name] = [`invader ${place}`, hostileName(place)];
    await play(sandbox, user, "profile", { display_name: name, picture_url: ADDRESSES[place % ADDRESSES.length] });
    await play(sandbox, user, "message", { text: name });
  };
  for (let first = 0; first < HOSTILE; first += AT_ONCE) {
    await Promise.all(Array.from({ length: Math.min(AT_ONCE, HOSTILE - first) }, (_, place) => invader(first + place)));
  }
}

/** All friends' names and texts on the pages of the search, which are many on each. */
async function readAll(page, base) {
  const [names, texts] = [[], []];
  let address = `${base}/friends?connection=1`;
  while (address) {
    await page.goto(address);
    names.push(...(await page.locator(".friends .person .name").allTextContents()));
    texts.push(...(await page.locator(".friends .long").allTextContents()));
    const next = page.locator("a[href^='/friends?find=']");
    address = (await next.count()) > 0 ? new URL(await next.getAttribute("href"), base).href : null;
  }
  return { names, texts };
}

/** Every hostile string stands where it belongs, as text, on every page that shows it. */
async function attack(page, base, sandbox) {
  await invade(sandbox);
  const hostile = Array.from({ length: HOSTILE }, (_, place) => hostileName(place));
  const all = await eventually(page, base, "all hostile names", async () => {
    const { names, texts } = await readAll(page, base);
    return hostile.every((name) => names.includes(name) && texts.includes(name)) && { names };
  });
  assert.equal(all.names.length, HOSTILE + 1, "each friend once");
  for (const [place, name] of hostile.slice(0, MARKUP.length).entries()) {
    await page.goto(`${base}/friends?find=${encodeURIComponent(name)}`);
    assert.equal(await page.inputValue("[name=find]"), name);
    if (place === 0) await picture(page, "friends-hostile");
    const found = await page.locator(".friends .person .name").allTextContents();
    await page.locator("a.person").nth(found.indexOf(name)).click();
    await page.waitForURL("**/friend?user=*");
    assert.equal(await page.locator("h1").textContent(), name);
    if (place === 0) await picture(page, "friend-hostile");
  }
  const addresses = ADDRESSES.filter((address) => address.startsWith("https://"));
  for (let place = 0; place < MARKUP.length; place += NAMES_IN_ONE) {
    const name = MARKUP.slice(place, place + NAMES_IN_ONE).join("");
    await page.goto(`${base}/connections/1`);
    await page.fill("[name=name]", name);
    await page.fill("[name=description]", name);
    await page.fill("[name=icon]", addresses[place % addresses.length]);
    await press(page, "form[action='/connections/1'] button");
    await page.locator("h1", { hasText: name }).waitFor();
    await page.goto(base);
    assert.equal(await page.locator(".cards .name").textContent(), name);
  }
  await picture(page, "dashboard-hostile");
  await page.goto(`${base}/friends`);
}

/** Checks the account, looks at the form for new credentials, and makes a dry run of a replay, which the page follows by itself. */
async function operate(page, base) {
  await page.goto(`${base}/connections/1/check`);
  await press(page, "form[action='/connections/1/check'] button");
  await page.waitForSelector(".steps");
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
  const webhooks = `127.0.0.1:${await freePort()}`;
  const up = await start(["up", "--json"], {
    KIZUNA_DATA_DIR: directory, KIZUNA_LISTEN: webhooks, KIZUNA_PUBLIC_URL: `http://${webhooks}`,
    KIZUNA_ADMIN_LISTEN: "127.0.0.1:0", KIZUNA_CONSOLE_LISTEN: "127.0.0.1:0", KIZUNA_LINE_API_URL: sandbox.line_api_url,
    KIZUNA_HUBSPOT_API_URL: sandbox.hubspot_api_url, KIZUNA_HUBSPOT_TOKEN: sandbox.hubspot_token,
  });
  const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: FLAGS, timeout: PATIENCE_MS, chromiumSandbox: process.getuid() !== 0 });
  const page = await browser.newPage({ locale: "ja-JP", viewport: DESK });
  page.setDefaultTimeout(PATIENCE_MS);
  const foreign = [];
  let hits = 0;
  await page.exposeFunction("hit", () => { hits += 1; });
  page.on("dialog", (dialog) => { hits += 1; dialog.dismiss(); });
  page.on("request", (request) => {
    const { origin, protocol } = new URL(request.url());
    const isKnown = origin === up.console_url || origin === PICTURES || protocol === "data:";
    if (!isKnown) foreign.push(request.url());
  });
  await page.route(`${PICTURES}/**`, (route) => route.fulfill({ contentType: "image/png", body: PIXEL }));

  await setUp(page, up.setup_url);
  const codes = await equip(page, up.console_url);
  await enterWithoutApp(browser, up.console_url, codes[0]);
  await page.goto(up.console_url);
  await connect(page, sandbox.line_channels[0]);
  await page.goto(up.console_url);
  assert.equal(await page.locator(".cards li").count(), 1);
  const friend = await befriend(page, up.console_url, sandbox);
  for (const path of ["connections/1", "dead-letters", "settings", "people", "changes"]) {
    await page.goto(`${up.console_url}/${path}`);
    await picture(page, path.replace("/", "-"));
  }
  await attack(page, up.console_url, sandbox);
  await operate(page, up.console_url);
  assert.equal(hits, 0, "a script ran");
  assert.deepEqual(foreign, [], "the browser asked others");
  await browser.close();
  const log = Buffer.concat(logged).toString();
  for (const personal of ["さくら", "サクラ", "予約の変更", "hit()", userOf(friend), ...codes]) {
    assert.ok(!log.includes(personal), `the log holds ${personal}`);
  }
  assert.ok(log.includes("up to date"), "there is a log");
  const seconds = Math.round((Date.now() - began) / 1000);
  console.log(`console: signed in with password and code, an account connected, a friend found and explained in the browser, ${HOSTILE} hostile names, texts and pictures shown as text, in ${seconds} s; pictures in ${pictures}`);
}

try {
  await drive();
} catch (error) {
  process.stderr.write(Buffer.concat(logged));
  throw error;
} finally {
  for (const child of children) child.kill();
  rmSync(directory, { recursive: true, force: true });
}
