package api_test

import (
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"

	"touchstone/api"
	"touchstone/hashindex/fingerprint/worker"
	"touchstone/hashindex/store/memory"
)

// expressions are those of Prometheus's query language in the dashboard and the alert rules.
func expressions(t *testing.T) []string {
	t.Helper()
	var dashboard struct {
		Panels []struct {
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(read(t, "operations/dashboard.json"), &dashboard); err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, panel := range dashboard.Panels {
		for _, target := range panel.Targets {
			all = append(all, target.Expr)
		}
	}
	for _, line := range strings.Split(string(read(t, "operations/alerts.yaml")), "\n") {
		if _, expression, ok := strings.Cut(line, "expr: "); ok {
			all = append(all, expression)
		}
	}
	return all
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	content, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// TestPanelsLieBesideEachOther: Grafana shows one panel of those with the same number, and lays those over each other
// that are said to be in the same place.
func TestPanelsLieBesideEachOther(t *testing.T) {
	var dashboard struct {
		Panels []struct {
			ID      int
			Title   string
			GridPos struct{ X, Y, W, H int }
		}
	}
	if err := json.Unmarshal(read(t, "operations/dashboard.json"), &dashboard); err != nil {
		t.Fatal(err)
	}
	for i, a := range dashboard.Panels {
		for _, b := range dashboard.Panels[:i] {
			p, q := a.GridPos, b.GridPos
			if over := p.X < q.X+q.W && q.X < p.X+p.W && p.Y < q.Y+q.H && q.Y < p.Y+p.H; over || a.ID == b.ID {
				t.Errorf("%q (%d) and %q (%d) have the same number or place", a.Title, a.ID, b.Title, b.ID)
			}
		}
	}
}

var (
	selectors = regexp.MustCompile(`\b((?:touchstone|process|go)_[a-z_]+)\b(?:\{([^}]*)\})?`)
	matchers  = regexp.MustCompile(`(\w+)\s*(?:=~|!~|!=|=)`)
	groupings = regexp.MustCompile(`by \(([^)]*)\)`)

	// scraped are the labels that whoever scrapes adds, and le is the bucket's own.
	scraped = map[string]bool{"job": true, "instance": true, "le": true}
)

// What people look at, and what wakes them, must be there: a query for a metric or a label that no longer
// exists shows nothing and never fires.
func TestDashboardAndAlertsAskForWhatAScrapeHas(t *testing.T) {
	pool := worker.New(worker.Options{})
	t.Cleanup(func() { pool.Close() })
	h := serve(t, openIndex(t, memory.New()), api.Config{
		Children: func() api.Children { return api.Children{Deaths: pool.Stats().Deaths} },
		Store:    func() (api.StoreSize, error) { return api.StoreSize{File: 3, Free: 1}, nil },
	}).ready()
	h.collection("bags", "brand")
	h.add("bags", product(1))
	h.post("/v1/match", "image/jpeg", product(1)).want(200)
	h.get("/v1/nothing").problem(404, "route_not_found")
	scrape := string(h.get("/metrics").want(200).body)

	all := expressions(t)
	if len(all) < 20 {
		t.Fatalf("%d expressions", len(all))
	}
	labels := map[string]bool{}
	for _, found := range matchers.FindAllStringSubmatch(scrape, -1) {
		labels[found[1]] = true
	}
	for _, expression := range all {
		for _, selector := range selectors.FindAllStringSubmatch(expression, -1) {
			sample := regexp.MustCompile(`(?m)^` + selector[1] + `(?:\{([^}]*)\})? `).FindStringSubmatch(scrape)
			if sample == nil {
				t.Errorf("%s asks for %s, which the scrape does not have", expression, selector[1])
				continue
			}
			for _, matcher := range matchers.FindAllStringSubmatch(selector[2], -1) {
				if !scraped[matcher[1]] && !strings.Contains(sample[1], matcher[1]+"=") {
					t.Errorf("%s selects by %s, which %s does not have", expression, matcher[1], selector[1])
				}
			}
		}
		for _, grouping := range groupings.FindAllStringSubmatch(expression, -1) {
			for _, label := range strings.FieldsFunc(grouping[1], func(r rune) bool { return r == ',' || r == ' ' }) {
				if !scraped[label] && !labels[label] {
					t.Errorf("%s groups by %s, which nothing in the scrape has", expression, label)
				}
			}
		}
	}
}
