/** A Lua script, sent to Redis once and called by its digest from then on. */
export interface Script {
  name: string;
  lua: string;
}
