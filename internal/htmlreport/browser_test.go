package htmlreport

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// The tests in this file open pages in headless Chromium. They are skipped where
// there is none, unless DPREMOTE_BROWSER names one. DPREMOTE_SCREENSHOTS names a
// directory for pictures of what they saw.

// browser starts Chromium.
func browser(t *testing.T) context.Context {
	t.Helper()
	path := os.Getenv("DPREMOTE_BROWSER")
	if path == "" {
		var err error
		if path, err = exec.LookPath("chromium"); err != nil {
			t.Skip("there is no chromium")
		}
	}
	options := append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]), chromedp.ExecPath(path), chromedp.NoSandbox)
	ctx, stop := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(stop)
	ctx, end := chromedp.NewContext(ctx)
	t.Cleanup(end)
	if err := chromedp.Do(ctx); err != nil { // which starts it
		t.Fatal(err)
	}
	return ctx
}

// tab is one page in the browser, with what the browser complained of.
type tab struct {
	t   *testing.T
	ctx context.Context

	mu         sync.Mutex
	complaints []string
}

// open opens a page of so many pixels width.
func open(t *testing.T, browser context.Context, html string, width int64, scheme string) *tab {
	t.Helper()
	path := filepath.Join(t.TempDir(), "report.html")
	if err := os.WriteFile(path, []byte(html), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, closeTab := chromedp.NewContext(browser)
	t.Cleanup(closeTab)
	ctx, stop := context.WithTimeout(ctx, time.Minute)
	t.Cleanup(stop)
	b := &tab{t: t, ctx: ctx}
	if err := chromedp.Listen(ctx, b.listen); err != nil {
		t.Fatal(err)
	}
	if _, err := chromedp.Call(ctx, log.Enable, cdp.Empty{}); err != nil {
		t.Fatal(err)
	}
	b.media(emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: scheme},
		{Name: "prefers-reduced-motion", Value: "reduce"}, // or a click misses what still scrolls
	}})
	b.do(chromedp.EmulateViewport(width, 900), chromedp.Navigate("file://"+path))
	return b
}

func (b *tab) listen(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := event.(type) {
	case *log.EventEntryAdded:
		b.complaints = append(b.complaints, e.Entry.Text)
	case *runtime.EventExceptionThrown:
		b.complaints = append(b.complaints, fmt.Sprint("exception: ", e.ExceptionDetails.Text))
	case *runtime.EventConsoleAPICalled:
		b.complaints = append(b.complaints, fmt.Sprint("console: ", e.Type))
	}
}

// heard are the complaints so far.
func (b *tab) heard() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.complaints)
}

func (b *tab) do(actions ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, actions...); err != nil {
		b.t.Fatal(err)
	}
}

// media sets what the page is shown on.
func (b *tab) media(params emulation.SetEmulatedMediaParams) {
	b.t.Helper()
	if _, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, params); err != nil {
		b.t.Fatal(err)
	}
}

// got is what an action gives.
func got[T any](b *tab, action chromedp.Action[T]) T {
	b.t.Helper()
	out, err := chromedp.Run(b.ctx, action)
	if err != nil {
		b.t.Fatal(err)
	}
	return out
}

// eval is what a JavaScript expression gives, after the next picture was drawn.
func eval[T any](b *tab, script string) T {
	b.t.Helper()
	return got(b, chromedp.Evaluate[T](`new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(`+script+`))))`, chromedp.EvalAwaitPromise))
}

// says fails when an expression's text does not hold another.
func (b *tab) says(script, want string) {
	b.t.Helper()
	if got := eval[string](b, script); !strings.Contains(got, want) {
		b.t.Errorf("%s is %q, which does not say %q", script, got, want)
	}
}

func (b *tab) picture(name string) {
	b.t.Helper()
	png := got(b, chromedp.FullScreenshot(100))
	if dir := os.Getenv("DPREMOTE_SCREENSHOTS"); dir != "" {
		if err := os.WriteFile(filepath.Join(dir, name+".png"), png, 0o600); err != nil {
			b.t.Fatal(err)
		}
	}
}

func (b *tab) quiet() {
	b.t.Helper()
	if all := b.heard(); len(all) > 0 {
		b.t.Errorf("the browser complains: %q", all)
	}
}

func text(id string) string      { return `document.getElementById("` + id + `").textContent` }
func tableRows(id string) string { return `document.querySelectorAll("#` + id + ` tbody tr").length` }

func TestBrowser(t *testing.T) {
	b := open(t, browser(t), written(t, sample()), 1280, "light")
	b.says(text("h-errors"), "1 site did not answer")
	if n := eval[int](b, tableRows("list-table")); n != 4 {
		t.Errorf("the list has %d rows, want 4", n)
	}
	b.says(text("m-where"), "12 packages × 4 distribution points")
	if got := eval[[]any](b, `[document.images.length, document.scripts.length, document.title]`); fmt.Sprint(got) != "[0 2 2 rows failed - content on distribution points]" {
		t.Errorf("data made markup: %v", got)
	}

	t.Run("filter", func(t *testing.T) {
		b.do(chromedp.SetValue("#f-state", "2"))
		eval[bool](b, `document.getElementById("f-state").dispatchEvent(new Event("input"))`)
		if n := eval[int](b, tableRows("list-table")); n != 2 {
			t.Errorf("%d failed rows, want 2", n)
		}
		b.says(text("f-count"), "2 of 4 rows")
		b.says(text("m-where"), "2 packages × 1 distribution point")
		b.do(chromedp.SendKeys("#f-package", "package 3"))
		if n := eval[int](b, tableRows("list-table")); n != 1 {
			t.Errorf("%d rows of package 3, want 1", n)
		}
		b.do(chromedp.Click("#f-reset"))
		b.do(chromedp.Click(`#sites .go[data-value="PS2"] button`))
		if n := eval[int](b, tableRows("list-table")); n != 1 {
			t.Errorf("%d rows of PS2, want 1", n)
		}
		b.do(chromedp.Click("#f-reset"), chromedp.Click(`.causes .go[data-value="interrupted"] button`))
		b.says(text("list-table"), "PS100003")
		b.do(chromedp.SendKeys("#f-dp", "nowhere"))
		b.says(text("list-table"), "the filter lets nothing through")
		b.says(text("m-readout"), "Nothing here")
		b.do(chromedp.Click("#f-reset"))
		if n := eval[int](b, tableRows("list-table")); n != 4 {
			t.Errorf("%d rows after all filters were cleared, want 4", n)
		}
	})

	t.Run("sort", func(t *testing.T) {
		first := `document.querySelector("#list-table tbody tr").textContent`
		b.do(chromedp.Click("#list-table thead th:nth-child(4) button"))
		b.says(first, "PS100005") // for a minute, the shortest
		b.do(chromedp.Click("#list-table thead th:nth-child(4) button"))
		b.says(first, "PS100003") // for 90 hours
		b.says(`document.querySelector("#list-table thead th:nth-child(4)").getAttribute("aria-sort")`, "descending")
		b.do(chromedp.Click("#dps-table .presets button:nth-child(3)"))
		b.says(`document.querySelector("#dps-table tbody tr").textContent`, "</script>") // it takes four hours
	})

	t.Run("keyboard", func(t *testing.T) {
		b.do(chromedp.SetValue("#m-order", "name"))
		eval[bool](b, `document.getElementById("m-order").dispatchEvent(new Event("change"))`)
		b.do(chromedp.Focus("#m-canvas"), chromedp.KeyEvent(kb.ArrowDown))
		b.says(text("m-live"), "PS100002 Package 2 on dp01.ps1.example (PS1): failed, disk-full, for 3 h.")
		b.do(chromedp.KeyEvent(kb.ArrowUp))
		b.says(text("m-live"), "PS100001 Package 1 on dp01.ps1.example (PS1): not meant for it.")
		b.do(chromedp.KeyEvent(kb.End), chromedp.KeyEvent(kb.PageDown), chromedp.KeyEvent(kb.ArrowDown), chromedp.KeyEvent(kb.ArrowDown))
		b.says(text("m-live"), "PS10000C Package 12 on")
		b.do(chromedp.KeyEvent(kb.Home))
		for range 10 {
			b.do(chromedp.KeyEvent(kb.ArrowUp))
		}
		b.do(chromedp.KeyEvent(kb.Enter))
		b.says(text("m-detail"), "What to domake room")
		b.says(text("m-detail"), "skip: disk-full")
	})

	t.Run("click", func(t *testing.T) {
		if eval[int](b, `document.getElementById("m-canvas").getBoundingClientRect().height`) < 100 {
			t.Fatal("the map has no height")
		}
		// The colour of the failed cell, second row and first column.
		red := eval[[]int](b, `(() => { const c = document.getElementById("m-canvas"), s = devicePixelRatio;
			return [...c.getContext("2d").getImageData((96 + 8) * s, (20 + 22 + 6) * s, 1, 1).data] })()`)
		if red[0] < 150 || red[1] > 90 {
			t.Errorf("a failed cell is %v", red)
		}
		eval[bool](b, `(() => { const c = document.getElementById("m-canvas"), r = c.getBoundingClientRect();
			return c.dispatchEvent(new MouseEvent("click", {clientX: r.left + 96 + 8, clientY: r.top + 20 + 44 + 6, bubbles: true})) })()`)
		b.says(text("m-detail"), "PS100003")
		b.do(chromedp.Click("#m-detail button:nth-child(2)"))
		if n := eval[int](b, tableRows("list-table")); n != 1 {
			t.Errorf("%d rows of the package alone, want 1", n)
		}
		b.do(chromedp.Click("#f-reset"), chromedp.Click("#m-table"))
		if n := eval[int](b, tableRows("m-table-box")); n != 12 {
			t.Errorf("the map as a table has %d rows, want 12", n)
		}
		b.says(text("m-table-box"), "failed, disk-full, for 3 h")
		b.do(chromedp.Click("#m-table"))
	})
	b.quiet()
}

// TestBrowserComplains shows that the others would hear of a script that the
// policy does not allow, and of one that breaks.
func TestBrowserComplains(t *testing.T) {
	html := strings.Replace(written(t, sample()), "</main>", `<script>window.taken = 1</script><p style="color:red"></p></main>`, 1)
	b := open(t, browser(t), html, 800, "light")
	if eval[bool](b, `"taken" in window`) {
		t.Error("a strange script was run")
	}
	if all := b.heard(); len(all) < 2 || !strings.Contains(strings.Join(all, " "), "Content Security Policy") {
		t.Errorf("nobody complained of the script and the style: %q", all)
	}
}

// checks are what makes the page readable for everybody, as far as a program can
// tell. They give a list of faults.
const checks = `(() => {
	const faults = [];
	const seen = (e) => e.getClientRects().length > 0;
	let level = 0;
	for (const h of document.querySelectorAll("h1,h2,h3,h4")) {
		if (!seen(h)) continue;
		const n = +h.tagName[1];
		if (n > level + 1) faults.push("heading " + h.textContent + " skips a level");
		level = n;
	}
	if (document.querySelectorAll("h1").length !== 1) faults.push("not one h1");
	if (!document.documentElement.lang) faults.push("no language");
	const ids = [...document.querySelectorAll("[id]")].map((e) => e.id);
	for (const id of ids) if (ids.indexOf(id) !== ids.lastIndexOf(id)) faults.push("id " + id + " twice");
	for (const name of ["aria-labelledby", "aria-describedby", "for"]) {
		for (const e of document.querySelectorAll("[" + name + "]")) {
			for (const id of e.getAttribute(name).split(" ")) if (!document.getElementById(id)) faults.push(name + " " + id + " is not there");
		}
	}
	for (const a of document.querySelectorAll("a[href^='#']")) if (!document.querySelector(a.getAttribute("href"))) faults.push("link to nothing: " + a.href);
	for (const e of document.querySelectorAll("button,input,select,canvas,[role=region]")) {
		const label = (e.labels && e.labels[0] || {}).textContent || e.getAttribute("aria-label") || e.textContent ||
			(e.getAttribute("aria-labelledby") && document.getElementById(e.getAttribute("aria-labelledby")).textContent);
		if (!label || !label.trim()) faults.push("no name: " + e.outerHTML.slice(0, 80));
	}
	for (const t of document.querySelectorAll("table")) {
		for (const th of t.querySelectorAll("th")) if (!th.scope) faults.push("th without scope: " + th.textContent);
	}
	const parse = (c) => { const m = c.match(/[\d.]+/g).map(Number); return m.length === 3 ? [...m, 1] : m; };
	const light = (c) => { const [r, g, b] = c.slice(0, 3).map((v) => (v /= 255) <= 0.03928 ? v / 12.92 : Math.pow((v + 0.055) / 1.055, 2.4)); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
	const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
	let texts = 0;
	for (let n = walker.nextNode(); n; n = walker.nextNode()) {
		const e = n.parentElement;
		if (!n.data.trim() || !seen(e) || e.closest("script,style,option,[disabled],.hidden,.skip")) continue;
		texts++;
		let back = null;
		for (let b = e; b && !back; b = b.parentElement) { const c = parse(getComputedStyle(b).backgroundColor); if (c[3] === 1) back = c; }
		const l = [light(parse(getComputedStyle(e).color)), light(back || [255, 255, 255, 1])].sort((a, b) => b - a);
		if ((l[0] + 0.05) / (l[1] + 0.05) < 4.5) faults.push("contrast of " + n.data.trim().slice(0, 30) + " " + ((l[0] + 0.05) / (l[1] + 0.05)).toFixed(2));
	}
	if (texts < 50) faults.push("only " + texts + " texts were looked at");
	if (document.documentElement.scrollWidth > innerWidth) faults.push("the page is " + document.documentElement.scrollWidth + " wide, the window " + innerWidth);
	return faults;
})()`

func TestBrowserLooks(t *testing.T) {
	chromium := browser(t)
	well := sample()
	well.Rows, well.Failures, well.Plan, well.Storms, well.Notes, well.Selection = nil, nil, Plan{}, nil, nil, nil
	for name, r := range map[string]*Report{"sample": sample(), "well": well, "nobody": {Made: made, Failures: sample().Failures}} {
		for _, scheme := range []string{"light", "dark"} {
			for _, width := range []int64{1280, 400} {
				name := fmt.Sprintf("%s-%s-%d", name, scheme, width)
				t.Run(name, func(t *testing.T) {
					b := open(t, chromium, written(t, r), width, scheme)
					if dark := eval[bool](b, `matchMedia("(prefers-color-scheme: dark)").matches`); dark != (scheme == "dark") {
						t.Fatalf("dark: %t", dark)
					}
					for _, fault := range eval[[]string](b, checks) {
						if !strings.HasPrefix(name, "nobody") || !strings.HasPrefix(fault, "only") { // there is little to read
							t.Error(fault)
						}
					}
					b.picture(name)
					b.quiet()
				})
			}
		}
	}
}

// TestBrowserPrints looks at how the page is printed: in light colours, without
// what cannot be pressed on paper.
func TestBrowserPrints(t *testing.T) {
	b := open(t, browser(t), written(t, sample()), 1000, "dark")
	b.media(emulation.SetEmulatedMediaParams{Media: "print"})
	b.says(`getComputedStyle(document.body).backgroundColor`, "rgb(255, 255, 255)")
	b.says(`getComputedStyle(document.getElementById("filter")).display`, "none")
	pdf := got(b, chromedp.PrintToPDF())
	if len(pdf) < 10000 {
		t.Errorf("%d bytes of PDF", len(pdf))
	}
	if dir := os.Getenv("DPREMOTE_SCREENSHOTS"); dir != "" {
		if err := os.WriteFile(filepath.Join(dir, "print.pdf"), pdf, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	b.quiet()
}

// TestBrowserLarge opens a report about a million rows, and says how long that
// took.
func TestBrowserLarge(t *testing.T) {
	const packages, dps = 5000, 200
	chromium := browser(t)
	r := large(packages, dps)
	started := time.Now()
	html := written(t, r)
	t.Logf("%d packages x %d distribution points, %d rows not installed: %d KB written in %s", packages, dps, len(r.Rows), len(html)/1024, time.Since(started).Round(time.Millisecond))
	b := open(t, chromium, html, 1280, "light")
	t.Logf("drawn %s ms after the navigation began", eval[string](b, `document.documentElement.dataset.ready`))
	b.says(text("m-where"), "5,000 packages × 200 distribution points")
	b.picture("large")

	b.do(chromedp.Focus("#m-canvas"), chromedp.KeyEvent(kb.ArrowRight), chromedp.KeyEvent(kb.ArrowDown))
	b.says(text("m-live"), "packages from PS1")
	b.do(chromedp.KeyEvent(kb.Enter))
	b.says(text("m-live"), "Zoomed in: ")
	if eval[string](b, text("m-where")) == "5,000 packages × 200 distribution points" {
		t.Error("Enter did not zoom in")
	}
	b.picture("large-zoomed")
	for range 4 { // until there is one cell
		b.do(chromedp.KeyEvent(kb.Enter))
	}
	b.says(text("m-detail"), "Distribution point")
	for range 4 {
		b.do(chromedp.KeyEvent(kb.Escape))
	}
	b.says(text("m-where"), "5,000 packages × 200 distribution points")
	spent := eval[float64](b, `(() => { const t = performance.now(), f = document.getElementById("f-dp"); f.value = "dp001"; f.dispatchEvent(new Event("input"));
		return new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now() - t)))) })()`)
	t.Logf("filtered and drawn again in %.0f ms", spent)
	b.says(text("m-where"), "5,000 packages × 10 distribution points")
	b.quiet()
}
