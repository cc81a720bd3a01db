-- wrk: POST one record again and again, look for the right probability in each answer, print figures as JSON.
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrong = 0
local threads = {}

function setup(thread)
  table.insert(threads, thread)
end

function init(args)
  local file = assert(io.open(args[1], "rb"))
  wrk.body = file:read("*a")
  file:close()
  expected = args[2] or ""
  if expected ~= "" then
    response = function(status, headers, body)
      if not string.find(body, expected, 1, true) then
        wrong = wrong + 1
      end
    end
  end
end

function done(summary, latency, requests)
  local mismatches = 0
  for _, thread in ipairs(threads) do
    mismatches = mismatches + (thread:get("wrong") or 0)
  end
  local errors = summary.errors
  print(string.format(
    'FIGURES {"requests":%d,"seconds":%.6f,"p50_ms":%.3f,"p99_ms":%.3f,"p999_ms":%.3f,"max_ms":%.3f,"wrong":%d,"errors":%d}',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
    latency:percentile(99.9) / 1e3, latency.max / 1e3, mismatches,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
