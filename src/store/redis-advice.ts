/** Returns a sentence for each unwise setting of Redis, as its answer to INFO shows it. */
export function adviceOn(info: string): string[] {
  const fields = new Map(info.split('\r\n').map((line) => line.split(':', 2) as [string, string | undefined]));
  const policy = fields.get('maxmemory_policy');
  const advice: string[] = [];
  if (policy && policy !== 'noeviction') {
    advice.push(`Redis evicts keys when its memory is full (maxmemory-policy ${policy}); set it to noeviction`);
  }
  if (fields.get('aof_enabled') === '0') {
    advice.push('Redis keeps no append-only file, so a crash loses the last changes; set appendonly to yes');
  }
  return advice;
}
