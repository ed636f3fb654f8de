-- 1,000 agents poll in turn, each with its check-in, for version and then for critical, as updaters do.
local requests = {}
function init(args)
  for i = 1, 1000 do
    wrk.headers["Agent-Id"] = string.format("d906549e-610b-4969-81d2-%012d", i)
    wrk.headers["Agent-Version"] = "16.4.3"
    wrk.headers["Updater-Kind"] = "unit"
    requests[2 * i - 1] = wrk.format("GET", "/v1/stable/cloud/version")
    requests[2 * i] = wrk.format("GET", "/v1/stable/cloud/critical")
  end
end
local next = 0
function request()
  next = next % 2000 + 1
  return requests[next]
end
