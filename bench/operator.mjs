export const TOKEN = 'a-token-for-the-bench';

/** Calls the operator API of a server that `startFairway` started. Throws any answer except success. */
export async function ask({ operatorPort }, method, path, body) {
  const response = await fetch(`http://127.0.0.1:${operatorPort}/api/v1${path}`, {
    method,
    headers: { Authorization: `Bearer ${TOKEN}`, 'Content-Type': 'application/json' },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  if (!response.ok) throw new Error(`${method} ${path}: ${await response.text()}`);
  return response.json();
}
