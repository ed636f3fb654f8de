/** A Lua script, sent to Redis once and then called by its digest. */
export interface Script {
  name: string;
  lua: string;
}
