package cmd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"gd2/pkg/api"
	"gd2/pkg/client"
	"gd2/pkg/heketi"
)

func (a *app) heketiCmd() *cobra.Command {
	return group("heketi", "Come from Heketi", newHeketiImport(a))
}

// importBatch is how many bricks, and volumes as so many more, are sent at once: a request has a megabyte at most.
const (
	importBatch = 600
	perVolume   = 3
)

// batchOf is how many of the volumes are sent at once.
func batchOf(dump heketi.Dump, volumes []string) int {
	bricks := 0
	for n, id := range volumes {
		if bricks += len(dump.Volumes[id].Bricks) + perVolume; bricks > importBatch && n > 0 {
			return n
		}
	}
	return len(volumes)
}

func newHeketiImport(a *app) *cobra.Command {
	dir := "/var/lib/glusterd"
	c := &cobra.Command{
		Use: "import DUMP", Short: "Take over what a Heketi has made, in place and under the same ids", Args: wants(1, 1),
		Long: `Take over the clusters, nodes, devices and volumes of a Heketi. DUMP is its answer to GET /db/dump (heketi-cli db dump). The order of the bricks
and the options of the volumes are read from glusterd's files on this host. Every node must be a peer of the pool. Nothing on the hosts is
touched; what is on record already stays, so that the import may be repeated. See docs/heketi.md for the way as a whole.`,
		Example: `  heketi-cli db dump >dump.json
  glustercli heketi import dump.json --dry-run
  glustercli heketi import dump.json`,
	}
	c.Flags().StringVar(&dir, "glusterd-dir", dir, "glusterd's working directory, or a copy of it")
	c.RunE = a.do("heketi import", func(ctx context.Context, args []string) error {
		batches, warnings, err := readDump(args[0], dir)
		if err != nil {
			return err
		}
		plan, err := a.planImport(ctx, batches) // what is refused in one batch keeps all of them from being sent
		if err != nil {
			return err
		}
		if plan.Warnings = append(plan.Warnings, warnings...); a.dryRun {
			return a.emit(plan, func(w io.Writer) {
				say(w, "Plan of %s; nothing was changed\n", plan.Operation)
				writePlan(w, plan)
			})
		}
		if a.async && len(batches) > 1 {
			return api.FieldErrorf("async", "--async: the dump is sent in %d parts, each when the one before has ended: leave that out", len(batches))
		}
		return a.importAll(ctx, batches, warnings)
	})
	return c
}

// readDump reads a dump and glusterd's files of its volumes, as requests that are small enough. Each has all nodes and devices.
func readDump(file, dir string) (out []api.HeketiImportReq, warnings []string, err error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, nil, api.FieldErrorf("dump", "the dump cannot be read: %v", err)
	}
	dump, unknown, err := heketi.ParseDump(text)
	if err != nil {
		return nil, nil, api.FieldErrorf("dump", "%s: %v", file, err)
	}
	if unknown != "" {
		warnings = append(warnings, "the dump has what this version does not know, and leaves aside: "+unknown)
	}
	if len(dump.Nodes) == 0 {
		return nil, nil, api.FieldErrorf("dump", "%s has no nodes: is it the answer to GET /db/dump?", file)
	}
	trim(&dump)
	ids := slices.Sorted(maps.Keys(dump.Volumes))
	for first := true; first || len(ids) > 0; first = false {
		n := batchOf(dump, ids)
		req, err := importPart(dump, ids[:n], dir)
		if err != nil {
			return nil, nil, err
		}
		out, ids = append(out, req), ids[n:]
	}
	return out, warnings, nil
}

// trim takes the lists away that tell what the entries tell too: each request has all devices, and would have all bricks with them.
func trim(dump *heketi.Dump) {
	for id, e := range dump.Clusters {
		e.Info.Volumes, e.Info.Nodes, e.Info.BlockVolumes = nil, nil, nil
		dump.Clusters[id] = e
	}
	for id, e := range dump.Nodes {
		e.Devices = nil
		dump.Nodes[id] = e
	}
	for id, e := range dump.Devices {
		e.Bricks = nil
		dump.Devices[id] = e
	}
	dump.BlockVolumes, dump.DbAttributes = nil, nil
}

// importPart is the request for some of the volumes of a dump.
func importPart(dump heketi.Dump, volumes []string, dir string) (api.HeketiImportReq, error) {
	part := dump
	part.Volumes, part.Bricks = map[string]heketi.VolumeEntry{}, map[string]heketi.BrickEntry{}
	req := api.HeketiImportReq{Volumes: map[string]string{}}
	for _, id := range volumes {
		v := dump.Volumes[id]
		part.Volumes[id] = v
		for _, b := range v.Bricks {
			if e, there := dump.Bricks[b]; there {
				part.Bricks[b] = e
			}
		}
		info, err := os.ReadFile(filepath.Join(dir, "vols", filepath.Base(v.Info.Name), "info"))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return req, api.FieldErrorf("glusterd-dir", "%v", err)
		}
		if len(info) > 0 {
			req.Volumes[v.Info.Name] = string(info)
		}
	}
	var err error
	req.Dump, err = json.Marshal(part)
	return req, err
}

// planImport asks what would be put on record.
func (a *app) planImport(ctx context.Context, batches []api.HeketiImportReq) (api.OperationPlan, error) {
	var all api.OperationPlan
	for i, req := range batches {
		p, err := client.PlanOf(ctx, func(ctx context.Context) error {
			_, err := a.client.HeketiImport(ctx, req)
			return err
		})
		if err != nil {
			return all, err
		}
		if i == 0 {
			all = p
			continue
		}
		for _, r := range p.Records {
			if !slices.Contains(all.Records, r) {
				all.Records = append(all.Records, r)
			}
		}
		for _, w := range p.Warnings {
			if !slices.Contains(all.Warnings, w) {
				all.Warnings = append(all.Warnings, w)
			}
		}
	}
	return all, nil
}

// importAll sends one request after the other.
func (a *app) importAll(ctx context.Context, batches []api.HeketiImportReq, warnings []string) error {
	all := api.HeketiImport{Steps: []api.HeketiImportStep{}, Warnings: append([]string{}, warnings...)}
	failed := 0
	for i, req := range batches {
		if i > 0 && a.key != "" { // a key is for one request
			ctx = client.WithKey(ctx, fmt.Sprintf("%s-%d", a.key, i+1))
		}
		got, err := a.client.HeketiImport(ctx, req)
		if err != nil {
			return err
		}
		for _, s := range got.Steps {
			if s.Error != "" {
				failed++
			}
			if i == 0 || s.Action != api.ImportKeep { // nodes and devices are in every batch
				all.Steps = append(all.Steps, s)
			}
		}
		all.Warnings = append(all.Warnings, got.Warnings...)
	}
	if err := a.emit(all, func(w io.Writer) { a.writeImport(w, all) }); err != nil || failed == 0 {
		return err
	}
	return api.Errorf(api.State, "%d of %d could not be adopted", failed, len(all.Steps))
}

func (a *app) writeImport(w io.Writer, r api.HeketiImport) {
	words := map[string]string{api.ImportAdopt: "adopted", api.ImportKeep: "is there already"}
	for _, s := range r.Steps {
		switch {
		case s.Error != "":
			say(w, "%s: failed: %s\n", s.Subject, s.Error)
		case s.Action == api.ImportSkip:
			say(w, "%s: left out: %s\n", s.Subject, s.Why)
		case !a.quiet:
			say(w, "%s: %s\n", s.Subject, words[s.Action])
		}
	}
	for _, warning := range r.Warnings {
		say(w, "%s %s\n", a.colour("33", "warning:"), warning)
	}
}
