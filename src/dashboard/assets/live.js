// Keeps a live page up to date: it reloads itself when the state changes, and shows when it cannot.
//
// All tabs of a browser share one stream of events, because a browser opens few connections to one host. The tab that
// holds the lock listens and tells the others. A hidden tab lets go, and catches up when it is shown again. Where there
// are no locks (without TLS they exist only on localhost), each visible tab listens for itself.
const RETRY_MS = 3000;
const SETTLE_MS = 150;
const FORGET_MS = 2000;
/** Agents move without a change of the state. */
const READ_AGAIN_MS = 15_000;
const NAME = 'fairway-live';

const connection = document.getElementById('connection');
const tabs = 'BroadcastChannel' in globalThis ? new BroadcastChannel(NAME) : null;
const isShared = Boolean(tabs && navigator.locks);

/** What this tab knows of the stream; `line` is live, lost, refused or full. */
let known = null;
let line = '';
let letGo = null;
let settling;

const WORDS = {
  live: () => '',
  lost: () => `Connection lost at ${new Date().toLocaleTimeString()}; this page may be out of date. Reconnecting…`,
  full: () =>
    `Too many people watch this server for live updates; this page reads the state every ${READ_AGAIN_MS / 1000} s.`,
};
WORDS.refused = WORDS.lost;

const AWAY = 'The store is away. Changes are refused until it is back.';
const WRONG = 'Something is wrong with the store; this page is read again.';

// Changes come in bursts; one reload shows them all.
function refresh() {
  clearTimeout(settling);
  settling = setTimeout(() => htmx.trigger(document.body, 'fairway:refresh'), SETTLE_MS);
}

function say(state, words) {
  connection.dataset.state = state;
  connection.textContent = words;
}

function showLine(next) {
  if (next === line) return;
  const isBack = line === 'lost' || line === 'refused';
  line = next;
  say(next, WORDS[next]());
  if (next === 'refused') refresh();
  if (next !== 'live' || !isBack) return;
  refresh();
  say('back', 'Connected again');
  setTimeout(() => line === 'live' && say('live', ''), FORGET_MS);
}

/** The banner at once; the reload, which may have to wait for the store, brings the whole story. */
function showTrouble(main, is) {
  main.querySelector(':scope > .banner')?.remove();
  if (!is) return;
  const banner = document.createElement('p');
  banner.className = 'banner';
  banner.setAttribute('role', 'alert');
  banner.textContent = is === 'away' ? AWAY : WRONG;
  main.prepend(banner);
}

/** Takes in what the stream says, and compares it with what the page was made from. */
function hear(news) {
  showLine(news.line);
  if (news.line !== 'live' || news.revision === undefined) return;
  const main = document.getElementById('main');
  const { revision, trouble } = main.dataset;
  const isNews = news.trouble !== undefined && news.trouble !== trouble;
  if (isNews) {
    showTrouble(main, news.trouble);
    main.dataset.trouble = news.trouble;
  }
  if (isNews || news.revision !== revision) refresh();
}

function tell(news) {
  known = { ...known, ...news };
  hear(known);
  tabs?.postMessage(known);
}

/** Listens until `signal` aborts. */
function listen(signal) {
  return new Promise((done) => {
    let source;
    let retry;
    function open() {
      source = new EventSource('/live');
      source.addEventListener('change', ({ lastEventId }) => tell({ line: 'live', revision: lastEventId }));
      source.addEventListener('trouble', ({ data }) => tell({ line: 'live', trouble: JSON.parse(data).is ?? '' }));
      source.addEventListener('full', () => tell({ line: 'full' }));
      source.addEventListener('error', () => {
        if (source.readyState !== EventSource.CLOSED) return known?.line === 'full' || tell({ line: 'lost' });
        // The server refused: perhaps the session has ended; reloading the page shows that.
        tell({ line: 'refused' });
        retry = setTimeout(open, RETRY_MS);
      });
    }
    signal.addEventListener('abort', () => {
      clearTimeout(retry);
      source.close();
      known = null;
      done();
    });
    open();
  });
}

function begin() {
  if (letGo) return;
  const control = new AbortController();
  letGo = () => control.abort();
  if (!isShared) return void listen(control.signal);
  tabs.postMessage('news?');
  navigator.locks.request(NAME, { signal: control.signal }, () => listen(control.signal)).catch(() => {});
}

function end() {
  letGo?.();
  letGo = null;
}

tabs?.addEventListener('message', ({ data }) => {
  if (data === 'news?') return known && tabs.postMessage(known);
  if (letGo && isShared) hear(data);
});
document.addEventListener('visibilitychange', () => (document.hidden ? end() : begin()));
addEventListener('pagehide', end);
addEventListener('pageshow', () => document.hidden || begin());
setInterval(() => document.hidden || refresh(), READ_AGAIN_MS);
