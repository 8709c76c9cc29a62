// Package gd2_test holds the rules of the house that a machine can check. ARCHITECTURE.md says what they are for.
package gd2_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const module = "gd2/"

// floors tells how high a folder lies; the longest name that fits a package counts. A package imports floors below
// its own, and packages of its own folder.
func floors() map[string]int {
	return map[string]int{
		"pkg": 0, "glusterd2/config": 0,
		"store":          1,
		"transaction":    2,
		"glusterd2/peer": 3, "glusterd2/volume": 3, "glusterd2/snapshot": 3, "glusterd2/device": 3, "glusterd2/xlator": 3,
		"glusterd2/event":  3,
		"glusterd2/volgen": 4, "glusterd2/brick": 4, "glusterd2/process": 4, "glusterd2/portmap": 4,
		"glusterd2/provision": 4, "glusterd2/backing": 4, "glusterd2/selfheal": 4, "glusterd2/rebalance": 4, "glusterd2/health": 4, "glusterd2/webhook": 4, "glusterd2/ask": 4, "glusterd2/brickop": 4, "glusterd2/quota": 4, "glusterd2/workdir": 4,
		"glusterd2/commands": 5,
		"glusterd2/plugin":   6, "plugins": 6,
		"glusterd2/rest": 7, "glusterd2/peerrpc": 7, "glusterd2/sunrpc": 7, "glusterd2/clirpc": 7,
		"glusterd2/server":          8,
		"glusterd2/brick/bricktest": 8, // a rig of tests: it serves bricks, as the server does
		"glusterd2":                 9,
		"glustercli":                10, "e2e": 10,
	}
}

// sideways are the folders whose packages may import packages of the same floor: a service may stand on another
// (bricks and self-heal daemons on processes), a plugin on the contract of plugins, and so may the packages of pkg. The
// edges of floor 7 may not.
func sideways() []int { return []int{0, 3, 4, 6} }

type goPackage struct {
	ImportPath string
	Dir        string
	Imports    []string
	GoFiles    []string
}

func packages(t *testing.T) []goPackage {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-e", "-json=ImportPath,Dir,Imports,GoFiles", "./...")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var list []goPackage
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p goPackage
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		list = append(list, p)
	}
	if len(list) < 5 {
		t.Fatalf("go list found %d packages", len(list))
	}
	return list
}

// folder is the entry of floors that a package belongs to.
func folder(path string) (name string, floor int, ok bool) {
	path = strings.TrimPrefix(path, module)
	for prefix, f := range floors() {
		if (path == prefix || strings.HasPrefix(path, prefix+"/")) && len(prefix) > len(name) {
			name, floor, ok = prefix, f, true
		}
	}
	return name, floor, ok
}

func TestFloors(t *testing.T) {
	for _, p := range packages(t) {
		if p.ImportPath == "gd2" {
			continue
		}
		from, floor, ok := folder(p.ImportPath)
		if !ok || (from == "glusterd2" && p.ImportPath != "gd2/glusterd2") {
			t.Errorf("%s is on no floor; ARCHITECTURE.md and floors() say where things go", p.ImportPath)
			continue
		}
		for _, imp := range p.Imports {
			if err := mayImport(p.ImportPath, from, floor, imp); err != nil {
				t.Error(err)
			}
		}
	}
}

func mayImport(path, from string, floor int, imp string) error {
	if strings.HasPrefix(imp, "go.etcd.io/") && from != "store" {
		return fmt.Errorf("%s imports %s: only store may import etcd", path, imp)
	}
	if !strings.HasPrefix(imp, module) {
		return nil
	}
	to, below, _ := folder(imp)
	switch {
	case to == from:
		return nil
	case from == "glustercli" || from == "e2e":
		if to != "pkg" {
			return fmt.Errorf("%s imports %s: what stands outside the server sees pkg only", path, imp)
		}
	case imp == "gd2/plugins" && path != "gd2/glusterd2":
		return fmt.Errorf("%s imports %s: only main names the list of plugins", path, imp)
	case below > floor || (below == floor && !slices.Contains(sideways(), floor)):
		return fmt.Errorf("%s (floor %d) imports %s (floor %d): imports go down only", path, floor, imp, below)
	}
	return nil
}

// TestNoConflicts finds what a merge has left behind in files that no compiler reads.
func TestNoConflicts(t *testing.T) {
	marks := regexp.MustCompile(`(?m)^(<{7}|>{7}) `)
	err := filepath.WalkDir(".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (name == ".git" || name == "bin") {
			return fs.SkipDir
		}
		if !d.Type().IsRegular() {
			return nil
		}
		text, err := os.ReadFile(name)
		if marks.Match(text) {
			t.Errorf("%s has a conflict of a merge in it", name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestNames keeps packages named for what they do.
func TestNames(t *testing.T) {
	for _, p := range packages(t) {
		for part := range strings.SplitSeq(p.ImportPath, "/") {
			if slices.Contains([]string{"util", "utils", "common", "misc", "helper", "helpers", "manager"}, part) {
				t.Errorf("%s: %q says nothing about what the package does", p.ImportPath, part)
			}
		}
	}
}

// TestNoHiddenState refuses what made daemons unable to share a process: init functions, variables that wait to be
// set, locks and counters of a whole package, and ways out of the process other than main's.
func TestNoHiddenState(t *testing.T) {
	fset := token.NewFileSet()
	for _, p := range packages(t) {
		for _, name := range p.GoFiles {
			file, err := parser.ParseFile(fset, filepath.Join(p.Dir, name), nil, parser.ParseComments)
			if err != nil {
				t.Fatal(err)
			}
			for _, problem := range hiddenState(file) {
				t.Errorf("%s: %s", fset.Position(problem.at), problem.what)
			}
		}
	}
}

type problem struct {
	at   token.Pos
	what string
}

func hiddenState(file *ast.File) []problem {
	var found []problem
	for _, decl := range file.Decls {
		switch d := decl.(type) {
		case *ast.FuncDecl:
			if d.Recv == nil && d.Name.Name == "init" {
				found = append(found, problem{d.Pos(), "func init: let the caller build it"})
			}
		case *ast.GenDecl:
			if d.Tok == token.VAR {
				found = append(found, packageVariables(d)...)
			}
		}
	}
	if file.Name.Name == "main" || strings.HasSuffix(file.Name.Name, "test") { // storetest.Main is main for a TestMain
		return found
	}
	ast.Inspect(file, func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok {
			x, _ := s.X.(*ast.Ident)
			if x != nil && ((x.Name == "os" && s.Sel.Name == "Exit") || (x.Name == "log" && strings.HasPrefix(s.Sel.Name, "Fatal"))) {
				found = append(found, problem{s.Pos(), "only main ends the process; return an error"})
			}
		}
		return true
	})
	return found
}

func packageVariables(d *ast.GenDecl) []problem {
	var found []problem
	for _, spec := range d.Specs {
		v := spec.(*ast.ValueSpec)
		doc := d.Doc
		if v.Doc != nil {
			doc = v.Doc
		}
		if len(v.Values) == 0 && !embedded(doc) {
			found = append(found, problem{v.Pos(), "a package variable without a value waits to be set by someone: " + v.Names[0].Name})
		}
		if s, ok := v.Type.(*ast.SelectorExpr); ok {
			if x, _ := s.X.(*ast.Ident); x != nil && (x.Name == "sync" || x.Name == "atomic") {
				found = append(found, problem{v.Pos(), "state of a whole package: " + v.Names[0].Name})
			}
		}
	}
	return found
}

func embedded(doc *ast.CommentGroup) bool {
	return doc != nil && slices.ContainsFunc(doc.List, func(c *ast.Comment) bool { return strings.HasPrefix(c.Text, "//go:embed ") })
}
