package quality

import (
	"context"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
)

// Report is what a run measured.
type Report struct {
	Pictures   int     `json:"pictures"`
	Unusable   int     `json:"unusable"` // refused, or too flat
	References int     `json:"references"`
	Strangers  int     `json:"strangers"`
	Seed       uint64  `json:"seed"`
	Rows       []Row   `json:"rows"`
	Mean       []Mean  `json:"mean"` // over the attacks, by method
	Pairs      Pairs   `json:"pairs"`
	Certain    Certain `json:"certain"`
}

// Pairs are pictures that were not altered here but are known to be copies of a reference.
type Pairs struct {
	Asked  int      `json:"asked"`
	Found  int      `json:"found"`
	Missed []string `json:"missed,omitempty"`
}

// Certain counts the index's answers of a score of 0.9 and more.
type Certain struct {
	Answers  int      `json:"answers"`
	Wrong    int      `json:"wrong"`
	Mistakes []string `json:"mistakes,omitempty"` // pictures asked about, and what each was taken for
}

// Row is one attack.
type Row struct {
	Attack  string   `json:"attack"`
	Methods []Counts `json:"methods"`
	Apart   *Counts  `json:"apart,omitempty"`  // the index on the references that are asked for apart
	Missed  []string `json:"missed,omitempty"` // by the index
	Wrong   []string `json:"wrong,omitempty"`  // strangers that the index answered, and with what
}

// Counts are what one method did with one attack.
type Counts struct {
	Method    string `json:"method"`
	Copies    int    `json:"copies"` // queries made from references
	Found     int    `json:"found"`  // of those, answered with the right reference
	First     int    `json:"first"`  // of those, the right one ranked first
	Strangers int    `json:"strangers"`
	False     int    `json:"false"` // strangers answered with anything at all
}

// Mean sums a method up over every attack, the untouched pictures left out.
type Mean struct {
	Method string  `json:"method"`
	Recall float64 `json:"recall"`
	First  float64 `json:"first_share"` // of the copies found, ranked first
	False  float64 `json:"false_share"` // of all stranger queries, untouched ones too
}

// row asks for altered copies of a sample of the references and of the strangers.
func (b *bench) row(ctx context.Context, name string, alter alteration) (Row, error) {
	row := Row{Attack: name}
	copies, err := b.ask(ctx, name, b.asked, alter)
	if err != nil {
		return Row{}, fmt.Errorf("%s: %w", name, err)
	}
	apart, err := b.ask(ctx, name, b.apart, alter)
	if err != nil {
		return Row{}, fmt.Errorf("%s: %w", name, err)
	}
	strangers, err := b.ask(ctx, name, b.strangers, alter)
	if err != nil {
		return Row{}, fmt.Errorf("%s: %w", name, err)
	}
	for m, method := range b.methods() {
		counts := Counts{Method: method.name(), Copies: len(copies), Strangers: len(strangers)}
		for i, answers := range copies {
			counts.credit(b.Same, b.asked[i].Name, answers[m])
		}
		for _, answers := range strangers {
			if len(answers[m]) > 0 {
				counts.False++
			}
		}
		row.Methods = append(row.Methods, counts)
	}
	b.detail(&row, copies, apart, strangers)
	return row, nil
}

// detail adds what is said of the index alone, which is the last method.
func (b *bench) detail(row *Row, copies, apart, strangers [][][]answer) {
	ours := len(b.methods()) - 1
	for i, answers := range copies {
		if !slices.ContainsFunc(answers[ours], func(a answer) bool { return b.same(a.name, b.asked[i].Name) }) {
			row.Missed = append(row.Missed, b.asked[i].Name)
		}
		b.count(answers[ours], b.asked[i].Name)
	}
	for i, answers := range strangers {
		for _, a := range answers[ours] {
			row.Wrong = append(row.Wrong, fmt.Sprintf("%s as %s, score %.3f", b.strangers[i].Name, a.name, a.score))
		}
		b.count(answers[ours], b.strangers[i].Name)
	}
	if len(apart) > 0 {
		row.Apart = &Counts{Method: b.Apart, Copies: len(apart)}
		for i, answers := range apart {
			row.Apart.credit(b.Same, b.apart[i].Name, answers[ours])
			b.count(answers[ours], b.apart[i].Name)
		}
	}
}

// count notes the certain answers, and which of them are wrong.
func (b *bench) count(answers []answer, asked string) {
	for _, a := range answers {
		if a.score < 0.9 {
			continue
		}
		b.certain.Answers++
		if !b.same(a.name, asked) {
			b.certain.Wrong++
			b.certain.Mistakes = append(b.certain.Mistakes, fmt.Sprintf("%s as %s, score %.3f", asked, a.name, a.score))
		}
	}
}

func (b *bench) same(x, y string) bool { return b.Same.of(x) == b.Same.of(y) }

func (c *Counts) credit(same Groups, want string, answers []answer) {
	for i, got := range answers {
		if same.of(got.name) == same.of(want) {
			c.Found++
			if i == 0 {
				c.First++
			}
			return
		}
	}
}

// ask gives every method's answers for a sample of the list, altered.
func (b *bench) ask(ctx context.Context, attack string, list []Source, alter alteration) ([][][]answer, error) {
	n := min(b.Sample, len(list))
	answers, errs := make([][][]answer, n), make([]error, n)
	b.each(n, func(i int) { answers[i], errs[i] = b.askOne(ctx, attack, list, i, alter) })
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return answers, nil
}

func (b *bench) askOne(ctx context.Context, attack string, list []Source, i int, alter alteration) ([][]answer, error) {
	encoded, err := alter(ctx, list, i)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", list[i].Name, err)
	}
	stranger := len(b.strangers) > 0 && &list[0] == &b.strangers[0]
	if err := b.Keep(attack, stranger, list[i].Name, encoded); err != nil {
		return nil, err
	}
	picture, err := b.Fingerprint(ctx, encoded)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", list[i].Name, err)
	}
	var answers [][]answer
	for _, m := range b.methods() {
		found, err := m.answer(ctx, picture)
		if err != nil {
			return nil, err
		}
		answers = append(answers, found)
	}
	return answers, nil
}

func (r *Report) sum() {
	for m, first := range r.Rows[0].Methods {
		mean := Mean{Method: first.Method}
		wrong, asked, found, leading := 0, 0, 0, 0
		for i, row := range r.Rows {
			c := row.Methods[m]
			wrong, asked = wrong+c.False, asked+c.Strangers
			found, leading = found+c.Found, leading+c.First
			if i > 0 {
				mean.Recall += share(c.Found, c.Copies) / float64(len(r.Rows)-1)
			}
		}
		mean.False, mean.First = share(wrong, asked), share(leading, found)
		r.Mean = append(r.Mean, mean)
	}
}

func share(part, whole int) float64 {
	if whole == 0 {
		return 0
	}
	return float64(part) / float64(whole)
}

// WriteText writes the report as a Markdown table, which reads well on a terminal too: for each
// method the share of copies found and the number of strangers answered.
func (r Report) WriteText(w io.Writer) error {
	fmt.Fprintf(w, "%d references, %d strangers of %d pictures (%d refused or too flat), seed %d; a cell is recall · false answers of strangers asked\n\n",
		r.References, r.Strangers, r.Pictures, r.Unusable, r.Seed)
	table := tabwriter.NewWriter(w, 0, 0, 1, ' ', 0)
	fmt.Fprint(table, "| attack\t")
	for _, m := range r.Mean {
		fmt.Fprintf(table, "| %s\t", m.Method)
	}
	fmt.Fprint(table, "| apart\t|\n|---\t")
	for range r.Mean {
		fmt.Fprint(table, "|---\t")
	}
	fmt.Fprintln(table, "|---\t|")
	for _, row := range r.Rows {
		fmt.Fprintf(table, "| %s\t", row.Attack)
		for _, c := range row.Methods {
			fmt.Fprintf(table, "| %.3f · %d/%d\t", share(c.Found, c.Copies), c.False, c.Strangers)
		}
		if row.Apart != nil {
			fmt.Fprintf(table, "| %.3f\t", share(row.Apart.Found, row.Apart.Copies))
		} else {
			fmt.Fprint(table, "|\t")
		}
		fmt.Fprintln(table, "|")
	}
	fmt.Fprint(table, "| **mean of attacks**\t")
	for _, m := range r.Mean {
		fmt.Fprintf(table, "| **%.3f · %.2f %%**\t", m.Recall, 100*m.False)
	}
	fmt.Fprintf(table, "| **%.3f**\t|\n", r.apartMean())
	if err := table.Flush(); err != nil {
		return err
	}
	ours := r.Mean[len(r.Mean)-1]
	_, err := fmt.Fprintf(w, "\nRanked first, of those found: %.4f. False answers in 10,000 strangers asked: %.1f.\n"+
		"Answers with a score of 0.9 and more: %d, wrong: %d. Known copies found: %d of %d.\n",
		ours.First, 10_000*ours.False, r.Certain.Answers, r.Certain.Wrong, r.Pairs.Found, r.Pairs.Asked)
	for _, row := range r.Rows {
		for _, wrong := range row.Wrong {
			fmt.Fprintf(w, "%s: %s\n", row.Attack, wrong)
		}
	}
	return err
}

// apartMean is the mean recall of the attacks on those that are asked for apart.
func (r Report) apartMean() (mean float64) {
	for _, row := range r.Rows[1:] {
		if row.Apart != nil {
			mean += share(row.Apart.Found, row.Apart.Copies) / float64(len(r.Rows)-1)
		}
	}
	return mean
}
