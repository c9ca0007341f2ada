// The dashboard's whole program. It keeps the token in this tab only and talks to the API that served the page.
const $ = (id) => document.getElementById(id);
const REFRESH_MS = 1_000;
let token = new URLSearchParams(location.hash.slice(1)).get("token") ?? sessionStorage.getItem("token") ?? "";
history.replaceState(null, "", location.pathname);

async function call(path, options = {}) {
  const response = await fetch(path, { ...options, headers: { authorization: `Bearer ${token}`, ...options.headers } });
  const body = await response.json();
  if (!response.ok) throw Object.assign(new Error(body.detail), { status: response.status });
  return body;
}

/** An element with text and attributes; text never becomes markup. */
function element(name, text = "", attributes = {}) {
  const made = Object.assign(document.createElement(name), attributes);
  if (text !== "") made.textContent = text;
  return made;
}

const took = (ms) => (ms === undefined ? "" : ms < 1000 ? `${ms} ms` : `${(ms / 1000).toFixed(1)} s`);
const what = (task) => task.query ?? task.statement ?? (task.target ? `load ${task.target}` : task.sql);

function show({ jobs }, { byStatus, percentiles, capacity }) {
  $("figures").replaceChildren(
    ...["PENDING", "IN_PROGRESS", "SUCCEEDED", "FAILED", "CANCELLED"].map((status) => {
      const item = element("li", "", { className: status });
      item.append(element("strong", String(byStatus[status] ?? 0)), status);
      return item;
    }),
  );
  const runs = Object.entries(capacity).map(([kind, { running, slots }]) => `${kind} ${running} of ${slots} runs`);
  const { p50, p95 } = percentiles.totalMs;
  $("sentence").textContent =
    `${runs.join(", ")}. ${p50 === null ? "Nothing has ended yet." : `Half of all jobs took ${took(Math.round(p50))} or less, 95 % ${took(Math.round(p95))} or less.`}`;
  $("jobs").replaceChildren(
    ...jobs.map((job) => {
      const row = element("tr");
      const open = element("button", job.requestId, { type: "button", onclick: () => openJob(job) });
      const id = element("td");
      id.append(open);
      row.append(
        element("td", job.status, { className: job.status }),
        id,
        element("td", what(job.task).slice(0, 60)),
        element("td", job.createdAt.slice(0, 19).replace("T", " ")),
        element("td", took(job.stats?.totalMs)),
        element("td", job.stats?.rows === undefined ? "" : job.stats.rows.toLocaleString()),
      );
      return row;
    }),
  );
}

async function openJob({ requestId, tenant }) {
  const path = `jobs/${encodeURIComponent(requestId)}`;
  const whose = `?tenant=${encodeURIComponent(tenant)}`;
  const job = await call(path + whose);
  const act = (name) =>
    element("button", name, {
      type: "button",
      onclick: async () => {
        const answer = await call(`${path}/${name}${whose}`, { method: "POST" }).catch((error) => ({
          status: error.message,
        }));
        $("job-actions").replaceChildren(`${answer.requestId ?? ""} ${answer.status}`);
      },
    });
  $("job-title").textContent = `${job.requestId}: ${job.status}`;
  $("job-actions").replaceChildren(
    ...(["PENDING", "IN_PROGRESS"].includes(job.status) ? [act("cancel")] : []),
    ...(["FAILED", "CANCELLED"].includes(job.status) ? [act("retry")] : []),
  );
  const begun = Date.parse(job.createdAt);
  $("job-history").replaceChildren(
    ...job.statusHistory.map(({ status, at }) => element("li", `${status} after ${took(Date.parse(at) - begun)}`)),
  );
  $("job-document").textContent = JSON.stringify(job, null, 2);
  $("job").showModal();
}

let refreshing;
async function refresh() {
  clearTimeout(refreshing);
  const search = new URLSearchParams({ limit: "50" });
  if ($("text").value.trim() !== "") search.set("text", $("text").value);
  if ($("status").value !== "") search.set("status", $("status").value);
  try {
    show(...(await Promise.all([call(`jobs?${search}`), call("stats")])));
    document.querySelector("main").hidden = false;
    $("login").hidden = true;
    $("error").textContent = "";
    sessionStorage.setItem("token", token);
  } catch (error) {
    $("error").textContent = error.message;
    if (error.status === 401 || error.status === 403) {
      $("login").hidden = false;
      sessionStorage.removeItem("token");
      return;
    }
  }
  refreshing = setTimeout(refresh, document.hidden ? 10 * REFRESH_MS : REFRESH_MS);
}

$("login").addEventListener("submit", (event) => {
  event.preventDefault();
  token = $("token").value.trim();
  refresh();
});
for (const id of ["text", "status"]) $(id).addEventListener("input", refresh);
$("filters").addEventListener("submit", (event) => event.preventDefault());
if (token !== "") refresh();
