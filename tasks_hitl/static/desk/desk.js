/* The desk's own script: keys in the queue, the confirm dialogs, forms that are sent once, and
   pages that follow what happens. Nothing here decides; without it every page still works. */
(() => {
  "use strict";

  const LIVE_PARTS = ["live-top", "live-outcome", "live-notification", "live-history"];
  const FIRST_DELAY = 1500;
  const LONGEST_DELAY = 30000;

  const isTyping = (target) =>
    target.closest("input, textarea, select, [contenteditable], dialog[open]") !== null;

  const followKeys = () => {
    const rows = [...document.querySelectorAll("[data-order]")];
    let current = -1;
    const show = (index) => {
      rows[current]?.classList.remove("current");
      current = Math.max(0, Math.min(rows.length - 1, index));
      rows[current].classList.add("current");
      rows[current].querySelector("a").focus({ preventScroll: true });
      rows[current].scrollIntoView({ block: "nearest" });
    };
    document.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
      if (event.key === "j" && rows.length) show(current + 1);
      else if (event.key === "k" && rows.length) show(current - 1);
      else if (event.key === "/") document.getElementById("queue-search")?.focus();
      else return;
      event.preventDefault();
    });
  };

  const openDialogs = () => {
    document.addEventListener("click", (event) => {
      const opener = event.target.closest("[data-opens]");
      const dialog = opener && document.getElementById(opener.dataset.opens);
      if (dialog && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
        event.preventDefault();
        dialog.showModal();
        (dialog.querySelector("select, textarea") ?? dialog).focus();
      }
      const closer = event.target.closest("dialog[open] [data-closes]");
      if (closer) {
        event.preventDefault();
        closer.closest("dialog").close();
      }
    });
  };

  const pickAll = () => {
    document.addEventListener("change", (event) => {
      if (!event.target.matches("[data-picks-all]")) return;
      for (const box of event.target.form.querySelectorAll("[name=pick]")) box.checked = event.target.checked;
    });
  };

  const sendOnce = () => {
    document.addEventListener("submit", (event) => {
      const form = event.target.closest("form[data-once]");
      if (!form) return;
      if (form.dataset.sent) event.preventDefault();
      form.dataset.sent = "1";
      for (const button of form.querySelectorAll("[type=submit]")) button.setAttribute("aria-disabled", "true");
    });
    // A page that comes back from the browser's memory may be sent again.
    window.addEventListener("pageshow", (event) => {
      if (!event.persisted) return;
      for (const form of document.querySelectorAll("form[data-once]")) delete form.dataset.sent;
    });
  };

  const fetchPage = async () => {
    const answer = await fetch(window.location.pathname, { credentials: "same-origin" });
    if (!answer.ok || answer.redirected) return null;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    return page.querySelector("[data-approval]");
  };

  const takeOver = (approval, fresh) => {
    for (const id of LIVE_PARTS) {
      const there = fresh.querySelector(`#${id}`);
      const here = document.getElementById(id);
      if (there && here && here.innerHTML !== there.innerHTML) here.innerHTML = there.innerHTML;
    }
    approval.dataset.live = fresh.dataset.live;
    approval.dataset.version = fresh.dataset.version;
  };

  const followApproval = () => {
    const approval = document.querySelector("[data-approval]");
    if (!approval) return;
    const waits = approval.dataset.waiting === "1";
    if (!waits && approval.dataset.live !== "1") return;
    let delay = waits ? 10000 : FIRST_DELAY;
    const look = async () => {
      let fresh = null;
      try {
        fresh = document.hidden ? null : await fetchPage();
      } catch {
        // The network may come back; the next look tells.
      }
      if (fresh && waits && fresh.dataset.version !== approval.dataset.version) {
        // Whoever is deciding must see that the order moved; their form is not touched.
        document.querySelector("[data-changed]").hidden = false;
        return;
      }
      if (fresh && !waits) takeOver(approval, fresh);
      if (!waits && approval.dataset.live !== "1") return;
      delay = waits ? delay : Math.min(delay * 1.3, LONGEST_DELAY);
      window.setTimeout(look, delay);
    };
    window.setTimeout(look, delay);
  };

  document.addEventListener("DOMContentLoaded", () => {
    followKeys();
    openDialogs();
    pickAll();
    sendOnce();
    followApproval();
  });
})();
