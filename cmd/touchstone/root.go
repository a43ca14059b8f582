package main

import (
	"cmp"
	"context"
	"errors"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
)

// app is one run of the binary: where it reads and writes, and the flags that all verbs share.
type app struct {
	stdin          io.Reader
	stdout, stderr io.Writer

	folder, server, key string // --data, --server, --key
	json                bool

	started bool // a verb runs: from here on, errors are not about how it was called
}

// run is the whole program; it returns the exit code.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	a := &app{stdin: stdin, stdout: stdout, stderr: stderr}
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	defer context.AfterFunc(ctx, stop)() // a second ctrl-C ends the program at once
	root := a.root()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	verb, err := root.ExecuteContextC(ctx)
	if err != nil && !a.started {
		err = usageError{err, verb.CommandPath()}
	}
	a.explain(err)
	return exitCode(err)
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "touchstone",
		Short: "Recognise copies of registered pictures",
		Long: `Touchstone keeps fingerprints of brand pictures and copyrighted works, and says for any
listing picture which of them it copies, how sure that is, and why.

Verbs work on a data folder (--data) or on a running server (--server). To see it work:

  touchstone demo`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.NoArgs,
		RunE:          func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	flags := root.PersistentFlags()
	flags.StringVar(&a.folder, "data", cmp.Or(os.Getenv("TOUCHSTONE_FOLDER"), "./touchstone-data"), "data `folder` (or TOUCHSTONE_FOLDER)")
	flags.StringVar(&a.server, "server", os.Getenv("TOUCHSTONE_SERVER"), "`URL` of a server to ask instead (or TOUCHSTONE_SERVER)")
	flags.StringVar(&a.key, "key", "", "`token` of the key to ask the server with (or TOUCHSTONE_KEY, which other users of this machine do not see)")
	flags.BoolVar(&a.json, "json", false, "print JSON, one object a line")
	root.AddCommand(
		a.serveCommand(), a.demoCommand(),
		a.collectionsCommand(), a.addCommand(), a.importCommand(), a.exportCommand(), a.referencesCommand(),
		a.matchCommand(), a.watchCommand(), a.compareCommand(), a.hashCommand(), a.rightsCommand(), a.licencesCommand(), a.hitsCommand(), a.keysCommand(),
		a.backupCommand(), a.restoreCommand(), a.compactCommand(), a.doctorCommand(),
		a.benchCommand(), a.checkCommand(), a.dumpCommand(), a.verifyCommand(), a.noticesCommand(), a.webhooksCommand(), a.infoCommand(), a.versionCommand(), exitCodesTopic(),
	)
	return root
}

// verb is a command that runs do.
func (a *app) verb(use, short string, args cobra.PositionalArgs, do func(ctx context.Context, args []string) error) *cobra.Command {
	return &cobra.Command{
		Use: use, Short: short, Args: args,
		RunE: func(c *cobra.Command, args []string) error {
			a.started = true
			return do(c.Context(), args)
		},
	}
}

// group is a command that only has verbs below it.
func group(use, short string, verbs ...*cobra.Command) *cobra.Command {
	g := &cobra.Command{Use: use, Short: short, Args: cobra.NoArgs, RunE: func(c *cobra.Command, _ []string) error {
		return errors.New("which one of " + strings.Join(names(verbs), ", ") + "?")
	}}
	g.AddCommand(verbs...)
	return g
}

func names(verbs []*cobra.Command) (names []string) {
	for _, v := range verbs {
		names = append(names, v.Name())
	}
	return names
}

// required marks flags that a verb cannot do without.
func required(verb *cobra.Command, flags ...string) *cobra.Command {
	for _, name := range flags {
		if err := verb.MarkFlagRequired(name); err != nil {
			panic(err) // no flag of that name
		}
	}
	return verb
}
