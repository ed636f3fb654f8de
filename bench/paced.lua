-- One request every PACE milliseconds on each connection, alternating between version and critical, agent after agent.
local pace = tonumber(os.getenv("PACE") or "10")
local base = tonumber(os.getenv("FIRST_AGENT") or "0")
local agents = tonumber(os.getenv("AGENTS") or "10000")
local n = 0
function delay() return pace end
function request()
  local agent = base + math.floor(n / 2) % agents
  local endpoint = n % 2 == 0 and "version" or "critical"
  n = n + 1
  wrk.headers["Agent-Id"] = string.format("d906549e-610b-4969-81d2-%012d", agent)
  wrk.headers["Agent-Version"] = "16.4.3"
  wrk.headers["Updater-Kind"] = "unit"
  return wrk.format("GET", "/v1/stable/cloud/" .. endpoint)
end
