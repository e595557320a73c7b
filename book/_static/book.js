/* What scrolls can be reached, and moved, with the keyboard alone; references are a list of items. */
(function () {
  "use strict";
  function reachable() {
    for (const box of document.querySelectorAll(".bd-article :is(table, mjx-container[display])")) {
      if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
      else if (box.localName === "table") box.removeAttribute("tabindex");
    }
  }
  addEventListener("resize", reachable);
  addEventListener("load", () => {
    for (const item of document.querySelectorAll(".citation-list > *")) item.role = "listitem";
    reachable();
    window.MathJax?.startup?.promise?.then(reachable); // equations are set a little later
  });
})();
