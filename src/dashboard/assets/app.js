// Improves the pages, which work without it: reloads a live page when the state changes, and shows when it cannot.
const RETRY_MS = 3000;
const SETTLE_MS = 150;
const FORGET_MS = 2000;

const connection = document.getElementById('connection');
const live = document.body.hasAttribute('data-live');
let lost = false;
let settling;

// Changes come in bursts; one reload shows them all.
function refresh() {
  clearTimeout(settling);
  settling = setTimeout(() => htmx.trigger(document.body, 'fairway:refresh'), SETTLE_MS);
}

function say(state, words) {
  connection.dataset.state = state;
  connection.textContent = words;
}

function listen() {
  const source = new EventSource('/live');
  let seen = null;
  source.addEventListener('change', ({ lastEventId }) => {
    if (lost || (seen !== null && seen !== lastEventId)) refresh();
    if (lost) {
      say('back', 'Connected again');
      setTimeout(() => lost || say('live', ''), FORGET_MS);
    } else say('live', '');
    lost = false;
    seen = lastEventId;
  });
  source.addEventListener('error', () => {
    if (!lost)
      say('lost', `Connection lost at ${new Date().toLocaleTimeString()}; this page may be out of date. Reconnecting…`);
    lost = true;
    if (source.readyState !== EventSource.CLOSED) return;
    // The server refused: perhaps the session has ended; reloading the page shows that.
    refresh();
    setTimeout(listen, RETRY_MS);
  });
}

if (live) listen();

// A second click would send the same change again, and answer that somebody has changed the channel in between.
addEventListener('submit', ({ target: form, defaultPrevented }) => {
  if (defaultPrevented || form.method !== 'post') return;
  setTimeout(() => setDisabled(form, true));
});
// The browser may show the page again as it was left.
addEventListener('pageshow', ({ persisted }) => {
  if (persisted) for (const form of document.forms) setDisabled(form, false);
});

function setDisabled(form, disabled) {
  for (const button of form.querySelectorAll('button')) button.disabled = disabled;
}

// Times that a person types are in their own zone, which only the browser knows.
const { timeZone } = Intl.DateTimeFormat().resolvedOptions();
if (timeZone) {
  for (const input of document.querySelectorAll('input[name=zone]')) input.value = timeZone;
  for (const name of document.querySelectorAll('[data-zone]')) name.textContent = timeZone;
}
