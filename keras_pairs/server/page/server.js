// TF-Serving's REST dialect, as any server of the model speaks it.

const DEFAULT_MODEL = "digit_pairs";
const PATIENCE = 30_000;
const LONGEST_PAUSE = 4_000;
const AWAY = "The server does not answer; trying again.";
const BUSY = "The server is busy; trying again.";

// The server cannot be had now; the same may be asked again.
export class Unanswered extends Error {}
// It answers that it cannot do this.
export class Refused extends Error {}

// The model that `?model=…` of the page's address names, or the one that is served. This
// project's own server says at /healthz which it has, and whether it learned the digits.
export async function findModel() {
  const health = await request("healthz");
  if (health.code >= 500) throw new Unanswered(BUSY);
  const served = health.code === 200 ? health.body : {};
  const asked = new URLSearchParams(location.search).get("model");
  const name = asked ?? served.model ?? DEFAULT_MODEL;
  return new Model(name, name !== served.model || served.reads_digits !== false);
}

class Model {
  // `readsDigits`: whether what it says of the digits means something.
  constructor(name, readsDigits) {
    this.name = name;
    this.readsDigits = readsDigits;
  }

  // For each instance, an object by input, one object by output.
  async predict(signature, instances) {
    const body = JSON.stringify({ signature_name: signature, instances });
    const answer = await request(`${path(this.name)}:predict`, { method: "POST", body });
    if (answer.code === 200 && answer.body.predictions) return answer.body.predictions;
    if (answer.code === 200) throw new Unanswered(AWAY);
    if (answer.code === 429 || answer.code >= 500) throw new Unanswered(BUSY);
    throw new Refused(answer.body.error ?? `the server answers ${answer.code}`);
  }
}

function path(model) {
  return `v1/models/${encodeURIComponent(model)}`;
}

// {code, body}, whatever the code. A web server in front may say it in HTML: {} then.
async function request(address, options) {
  let response;
  try {
    response = await fetch(new URL(address, document.baseURI), {
      ...options,
      signal: AbortSignal.timeout(PATIENCE),
    });
  } catch {
    throw new Unanswered(AWAY);
  }
  return { code: response.status, body: await response.json().catch(() => ({})) };
}

// Asks for the latest state only, once at a time; again when it has changed meanwhile, and
// after a pause where nobody answered.
export class Latest {
  #ask;
  #report;
  #wanted = false;
  #busy = false;

  // `ask` looks up the state itself; `report` takes what keeps the server, or "".
  constructor(ask, report) {
    this.#ask = ask;
    this.#report = report;
  }

  async want() {
    this.#wanted = true;
    if (this.#busy) return;
    this.#busy = true;
    try {
      for (let pause = 500; this.#wanted; ) {
        this.#wanted = false;
        try {
          await this.#ask();
          this.#report("");
          pause = 500;
        } catch (error) {
          if (!(error instanceof Unanswered || error instanceof Refused)) throw error;
          this.#report(error.message);
          if (error instanceof Refused) continue;
          this.#wanted = true;
          await new Promise((resolve) => setTimeout(resolve, pause));
          pause = Math.min(2 * pause, LONGEST_PAUSE);
        }
      }
    } finally {
      this.#busy = false;
    }
  }
}
