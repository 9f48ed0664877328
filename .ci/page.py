"""Opens report pages in headless Chromium and uses them like a reader.

    python3 .ci/page.py REPORT.html DIFF.html [--shots DIRECTORY]

.ci/run generates both pages, from runs over corpora that contain a hostile document. The script controls
Chromium through its debugging pipe and needs only Python's standard library.
"""

import argparse
import base64
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import time


class Chromium:
    def __init__(self):
        program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
        if not program:
            raise SystemExit("chromium is not installed: apt-get install chromium")
        self.folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        read, self.to = os.pipe()
        self.out, write = os.pipe()

        def pipes():
            # Chromium reads from file descriptor 3 and writes to 4.
            spare_read, spare_write = os.dup(read), os.dup(write)
            os.dup2(spare_read, 3)
            os.dup2(spare_write, 4)

        self.process = subprocess.Popen(
            [program, "--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe",
             "--hide-scrollbars", f"--user-data-dir={self.folder.name}", "about:blank"],
            preexec_fn=pipes, close_fds=False, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        os.close(read)
        os.close(write)
        self.buffer = b""
        self.number = 0
        self.events = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ["Page", "Runtime", "Log", "Network"]:
            self.call(f"{domain}.enable")

    def receive(self):
        while b"\0" not in self.buffer:
            read = os.read(self.out, 1 << 20)
            if not read:
                raise SystemExit("chromium went away")
            self.buffer += read
        message, self.buffer = self.buffer.split(b"\0", 1)
        return json.loads(message)

    def call(self, method, **parameters):
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters}
        if getattr(self, "session", None):
            message["sessionId"] = self.session
        os.write(self.to, json.dumps(message).encode() + b"\0")
        while True:
            answer = self.receive()
            if answer.get("id") == self.number:
                if "error" in answer:
                    raise SystemExit(f"{method}: {answer['error']}")
                return answer["result"]
            self.events.append(answer)

    def evaluate(self, expression):
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise SystemExit(f"{expression}: {answer['exceptionDetails']}")
        return answer["result"].get("value")

    def open(self, page, width=1280, height=900, phone=False, dark=False):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height,
                  deviceScaleFactor=1, mobile=phone)
        scheme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        self.call("Emulation.setEmulatedMedia", features=scheme)
        self.events = []
        self.call("Page.navigate", url=pathlib.Path(page).resolve().as_uri())
        while self.evaluate("document.readyState") != "complete":
            time.sleep(0.02)

    def key(self, key):
        self.call("Input.dispatchKeyEvent", type="keyDown", key=key, text=key)
        self.call("Input.dispatchKeyEvent", type="keyUp", key=key)

    def shot(self, path):
        data = self.call("Page.captureScreenshot", format="png")["data"]
        pathlib.Path(path).write_bytes(base64.b64decode(data))

    def quiet(self):
        """Checks that there is no console message, no failure and no network request."""
        self.evaluate("1")
        loud = {"Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded"}
        found = [event for event in self.events if event.get("method") in loud]
        fetched = [event["params"]["request"]["url"] for event in self.events
                   if event.get("method") == "Network.requestWillBeSent"]
        check("no console messages", found == [], found)
        others = [url for url in fetched if not url.startswith(("file:", "blob:"))]
        check("no network requests", others == [], others)

    def close(self):
        self.process.kill()
        self.process.wait()
        self.folder.cleanup()


def check(what, holds, shown=""):
    if not holds:
        raise SystemExit(f"failed: {what} {shown}")
    print(f"  {what}")


def inert(browser, steers=True):
    check("the page contains the hostile document",
          browser.evaluate("document.body.textContent.includes('<img src=x onerror=')"))
    check("no text of a document is markup",
          browser.evaluate("document.querySelectorAll('img, iframe, main script, main b.evil, "
                           "[onerror], [onmouseover], a[href^=javascript]').length") == 0)
    check("no text of a document is run as a script", browser.evaluate("document.title").startswith("Chaffinch"))
    check("controls and direction marks are shown as escapes", not steers or
          browser.evaluate(r"document.body.textContent.includes('\\u{202e}') && "
                           r"document.body.textContent.includes('\\u{1b}')"))
    check("the shown text contains no such characters",
          browser.evaluate(r"!/[\u202a-\u202e\u2066-\u2069\u001b]/.test(document.body.innerText)"))


def report(browser, page, shots):
    print(page)
    size = pathlib.Path(page).stat().st_size
    check("it is under 10 MB", size < 10_000_000, size)
    browser.open(page)
    inert(browser)
    shown = "[...document.querySelectorAll('[data-list=rules]')].filter(i => !i.hidden).length"
    before = browser.evaluate(shown)
    set_value = ("(css, value) => { const i = document.querySelector(css); i.value = value; "
                 "i.dispatchEvent(new Event('input', {bubbles: true})); }")
    browser.evaluate(f"({set_value})('[data-filter=rules]', 'share-buttons/')")
    after = browser.evaluate(shown)
    check("a filter narrows the rules", 0 < after < before, (before, after))
    browser.evaluate(f"({set_value})('[data-filter=rules]', '')")
    check("clearing the filter shows all rules", browser.evaluate(shown) == before)
    order = "[...document.querySelectorAll('[data-list=rules]')].map(i => i.dataset.rule)"
    browser.evaluate(f"({set_value})('[data-sorts=rules]', 'rule')")
    names = browser.evaluate(order)
    check("rules are sorted by name",
          names == browser.evaluate(f"{order}.sort((a, b) => a.localeCompare(b))"), names[:5])
    browser.evaluate(f"({set_value})('[data-sorts=rules]', 'confidence')")
    model = "generic/lines/model"
    check("the rule with the least certain cuts is first", browser.evaluate(order)[0] == model)
    uncertain = f".entry[data-rule='{model}'][data-confidence]"
    confidences = browser.evaluate(f"[...document.querySelectorAll(\"{uncertain}\")].map(e => +e.dataset.confidence)")
    check("its least certain texts come first", len(confidences) > 1 and confidences[0] == min(confidences),
          confidences)
    head = "document.querySelectorAll('th')[1]"
    browser.evaluate(f"{head}.querySelector('button').click()")
    check("a table is sorted", browser.evaluate(f"{head}.getAttribute('aria-sort')") == "descending")
    browser.evaluate("document.querySelectorAll('.doc').forEach(d => d.open = true)")
    cut = "document.querySelector('.row:not(.gone) del')?.checkVisibility()"
    gone = "document.querySelector('.row.gone')?.checkVisibility()"
    check("cuts are shown struck through",
          browser.evaluate("getComputedStyle(document.querySelector('.text del')).textDecorationLine")
          == "line-through")
    check("both: cut lines are shown", browser.evaluate(gone) is True)
    browser.evaluate("document.querySelector('[data-view-as=clean]').click()")
    check("clean: cut lines and parts are hidden",
          browser.evaluate(gone) is False and browser.evaluate(cut) is not True)
    browser.evaluate("document.querySelector('[data-view-as=original]').click()")
    check("original: cut lines are shown without strikethrough", browser.evaluate(gone) is True and browser.evaluate(
        "getComputedStyle(document.querySelector('.text del')).textDecorationLine") == "none")
    browser.evaluate("document.querySelector('[data-view-as=both]').click()")
    browser.evaluate("document.querySelectorAll('.doc').forEach(d => d.open = false)")
    browser.evaluate("document.querySelectorAll('.rule').forEach(rule => rule.open = true)")
    for choice in "ar":
        browser.key("j")
        while not browser.evaluate("document.querySelector('.at').classList.contains('entry')"):
            browser.key("j")
        browser.key(choice)
    check("keys select a text and record a decision",
          browser.evaluate("document.querySelector('.entry.at')?.dataset.choice") == "reject")
    browser.evaluate("document.querySelectorAll('.rule').forEach(rule => rule.open = false)")
    browser.key("k")
    browser.key("o")
    check("a key opens the selected item", browser.evaluate("document.querySelector('details.at')?.open") is True)
    review = browser.evaluate("review()")
    check("the review contains the decisions", [d["decision"] for d in review["decisions"]] == ["accept", "reject"], review)
    check("each decision names its rule, text and document",
          all(d["rule"] and d["text"] and d["document"] for d in review["decisions"]), review)
    check("each decision has its lines and the confidence of the model",
          all(d["line"] > 0 and d["lines"] > 0 and 50 <= d["confidence"] <= 100 for d in review["decisions"]),
          review)
    check("the bar counts the decisions", browser.evaluate("document.getElementById('chosen').textContent")
          == "1 accepted, 1 rejected")
    browser.call("Browser.setDownloadBehavior", behavior="allow", downloadPath=browser.folder.name)
    browser.evaluate("document.getElementById('save').click()")
    saved = pathlib.Path(browser.folder.name) / "review.json"
    for _ in range(100):
        if saved.exists() and saved.stat().st_size:
            break
        time.sleep(0.05)
    check("the review is saved", json.loads(saved.read_text()) == review)
    browser.quiet()
    if shots:
        browser.evaluate("scrollTo(0, 0)")
        browser.open(page)
        browser.shot(shots / "report.png")
        browser.evaluate(f"({set_value})('[data-sorts=rules]', 'confidence'); "
                         "document.querySelector('.rule').open = true; "
                         "document.getElementById('rules').scrollIntoView()")
        browser.shot(shots / "report-rules.png")
        browser.evaluate("document.querySelectorAll('.doc')[3].open = true; "
                         "document.querySelectorAll('.doc')[3].scrollIntoView()")
        browser.shot(shots / "report-document.png")
        browser.open(page, dark=True)
        browser.shot(shots / "report-dark.png")
    browser.open(page, 390, 800, phone=True)
    check("no horizontal overflow on a phone",
          browser.evaluate("document.documentElement.scrollWidth") <= 390)
    browser.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    check("no horizontal overflow on a phone with all items open",
          browser.evaluate("document.documentElement.scrollWidth") <= 390)
    if shots:
        browser.shot(shots / "report-phone.png")
        browser.evaluate("document.querySelectorAll('.doc')[3].scrollIntoView()")
        browser.shot(shots / "report-phone-document.png")


def difference(browser, page, shots):
    print(page)
    browser.open(page)
    # The differences between the two runs contain no control characters.
    inert(browser, steers=False)
    check("rules that cut article text come first",
          browser.evaluate("document.querySelector('.rule').classList.contains('touches') || "
                           "!document.querySelector('.touches')"))
    browser.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    browser.evaluate("document.querySelector('.rule [data-choose=reject]').click()")
    check("all texts of a rule are rejected at once",
          browser.evaluate("review().decisions.length > 0 && "
                           "review().decisions.every(d => d.decision === 'reject')"))
    browser.quiet()
    if shots:
        browser.open(page)
        browser.shot(shots / "diff.png")
    browser.open(page, 390, 800, phone=True)
    check("no horizontal overflow on a phone",
          browser.evaluate("document.documentElement.scrollWidth") <= 390)
    if shots:
        browser.shot(shots / "diff-phone.png")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("report")
    parser.add_argument("diff")
    parser.add_argument("--shots", type=pathlib.Path, help="write screenshots into this directory")
    args = parser.parse_args()
    if args.shots:
        args.shots.mkdir(parents=True, exist_ok=True)
    browser = Chromium()
    try:
        report(browser, args.report, args.shots)
        difference(browser, args.diff, args.shots)
    finally:
        browser.close()


if __name__ == "__main__":
    main()
