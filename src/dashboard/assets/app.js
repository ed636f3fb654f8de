// Improves the forms, which work without it.

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
