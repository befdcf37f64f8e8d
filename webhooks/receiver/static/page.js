// Shows new messages as they come, and keeps what the reader folded or unfolded.
async function refresh() {
  const answer = await fetch("/version");
  const { version } = await answer.json();
  if (String(version) === document.body.dataset.version) return;
  const html = await (await fetch("/")).text();
  const fresh = new DOMParser().parseFromString(html, "text/html");
  for (const old of document.querySelectorAll("details[data-touched]")) {
    const same = fresh.querySelector(`details[data-key="${old.dataset.key}"]`);
    if (!same) continue;
    same.open = old.open;
    same.dataset.touched = "yes";
  }
  document.querySelector("main").replaceWith(fresh.querySelector("main"));
  document.querySelector("dl").replaceWith(fresh.querySelector("dl"));
  document.title = fresh.title;
  document.body.dataset.version = fresh.body.dataset.version;
}

document.addEventListener("click", (event) => {
  const summary = event.target.closest("summary");
  if (summary) summary.parentElement.dataset.touched = "yes";
});

setInterval(() => refresh().catch(() => {}), 1000);

document.getElementById("clear").addEventListener("click", async () => {
  await fetch("/received", { method: "DELETE" });
  await refresh();
});
