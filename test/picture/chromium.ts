/** A headless Chromium, driven over a pipe by the DevTools protocol. Shares nothing with what makes the pages. */
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { Readable, Writable } from "node:stream";

const chromium = "chromium";

function findChromium(): string | undefined {
  try {
    execFileSync(chromium, ["--version"], { stdio: "pipe" });
    return undefined;
  } catch (cause) {
    const reason = `${chromium} cannot be run (Debian's package: chromium)`;
    if (process.env["REQUIRE_TOOLS"] === "1") throw new Error(`REQUIRE_TOOLS=1, but ${reason}`, { cause });
    return reason;
  }
}

/** Why there is no Chromium; `undefined` where there is one. */
export const noChromium: string | undefined = findChromium();
if (noChromium !== undefined) process.stderr.write(`skipped, no Chromium: ${noChromium}\n`);

/** A message of the protocol: an answer to a command, or an event. */
interface Message {
  readonly id?: number;
  readonly method?: string;
  readonly params?: Readonly<Record<string, unknown>>;
  readonly sessionId?: string;
  readonly result?: Readonly<Record<string, unknown>>;
  readonly error?: { readonly message: string };
}

type Parameters = Readonly<Record<string, unknown>>;

/** A page in a browser, with what it complained about and what it asked the network for. */
export class ChromiumPage {
  /** Uncaught exceptions, what was written to the console, and what the browser said of the page. */
  readonly complaints: string[] = [];
  /** The address of everything that was loaded. */
  readonly requests: string[] = [];
  readonly #child: ChildProcess;
  readonly #profile: string;
  readonly #answers = new Map<number, (message: Message) => void>();
  readonly #events = new Map<string, () => void>();
  #session: string | undefined;
  #last = 0;

  private constructor(child: ChildProcess, profile: string) {
    this.#child = child;
    this.#profile = profile;
    let rest = "";
    (child.stdio[4] as Readable).setEncoding("utf8").on("data", (text: string) => {
      const messages = (rest + text).split("\0");
      rest = messages.pop()!;
      for (const message of messages) this.#receive(JSON.parse(message) as Message);
    });
  }

  /** Starts a browser with an empty page of a size in pixels. */
  static async start({ width, height }: { readonly width: number; readonly height: number }): Promise<ChromiumPage> {
    const profile = mkdtempSync(path.join(tmpdir(), "guestwright-chromium-"));
    const child = spawn(
      chromium,
      [
        ...["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars"],
        ...["--no-first-run", "--disable-background-networking", "--disable-component-update"],
        ...[`--user-data-dir=${profile}`, `--window-size=${width},${height}`, "--remote-debugging-pipe"],
      ],
      { stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"] },
    );
    const page = new ChromiumPage(child, profile);
    const { targetId } = await page.send("Target.createTarget", { url: "about:blank" });
    const { sessionId } = await page.send("Target.attachToTarget", { targetId, flatten: true });
    page.#session = sessionId as string;
    for (const domain of ["Page", "Runtime", "Log", "Network"]) await page.send(`${domain}.enable`);
    return page;
  }

  /** Gives a command and waits for its answer. */
  async send(method: string, params: Parameters = {}): Promise<Readonly<Record<string, unknown>>> {
    const id = ++this.#last;
    const message = { id, method, params, ...(this.#session === undefined ? {} : { sessionId: this.#session }) };
    const answer = new Promise<Message>((resolve) => this.#answers.set(id, resolve));
    (this.#child.stdio[3] as Writable).write(`${JSON.stringify(message)}\0`);
    const { result, error } = await answer;
    if (error !== undefined) throw new Error(`${method}: ${error.message}`);
    return result!;
  }

  /** Opens a file and waits until it is loaded. */
  async open(url: string): Promise<void> {
    const loaded = new Promise<void>((resolve) => this.#events.set("Page.loadEventFired", resolve));
    await this.send("Page.navigate", { url });
    await loaded;
    await this.settled();
  }

  /** Waits until the page has drawn what it was told so far. */
  async settled(): Promise<void> {
    await this.value("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))");
  }

  /** The value of an expression in the page. */
  async value(expression: string): Promise<unknown> {
    const { result, exceptionDetails } = await this.send("Runtime.evaluate", {
      expression,
      returnByValue: true,
      awaitPromise: true,
    });
    if (exceptionDetails !== undefined) throw new Error(`${expression}: ${JSON.stringify(exceptionDetails)}`);
    return (result as { readonly value?: unknown }).value;
  }

  /** Presses and releases a key. */
  async press(key: string): Promise<void> {
    for (const type of ["keyDown", "keyUp"]) await this.send("Input.dispatchKeyEvent", { type, key });
  }

  /** The page as a reader with this setting sees it, as a PNG. */
  async screenshot(scheme: "light" | "dark"): Promise<Buffer> {
    await this.send("Emulation.setEmulatedMedia", { features: [{ name: "prefers-color-scheme", value: scheme }] });
    const { data } = await this.send("Page.captureScreenshot", { format: "png", captureBeyondViewport: true });
    return Buffer.from(data as string, "base64");
  }

  /** Ends the browser and removes what it wrote. */
  async close(): Promise<void> {
    const ended = once(this.#child, "exit");
    // A browser that is killed leaves processes that go on writing for a while.
    this.#session = undefined;
    void this.send("Browser.close");
    await ended;
    rmSync(this.#profile, { recursive: true, force: true, maxRetries: 5 });
  }

  #receive({ id, method, params = {}, ...message }: Message): void {
    if (id !== undefined) return this.#answers.get(id)?.(message);
    if (method === "Network.requestWillBeSent") this.requests.push((params["request"] as { url: string }).url);
    if (method === "Runtime.exceptionThrown" || method === "Runtime.consoleAPICalled" || method === "Log.entryAdded") {
      this.complaints.push(`${method} ${JSON.stringify(params)}`);
    }
    this.#events.get(method ?? "")?.();
  }
}
