package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"gd2/e2e/lab"
)

// cliManager makes volumes through glusterd's command.
type cliManager struct{ system }

func (m cliManager) daemon() string { return "glusterd" }

func (m cliManager) share(ctx context.Context) error {
	_, err := m.cli(ctx, 1, "volume", "set", "all", "cluster.brick-multiplex", "on")
	return err
}

// busy repeats a command that is refused because another one is being worked on.
func (m cliManager) busy(ctx context.Context, peer int, args ...string) error {
	return lab.Eventually(ctx, patience, func(ctx context.Context) error {
		_, err := m.cli(ctx, peer, args...)
		if err != nil && strings.Contains(err.Error(), "already exists") || err != nil && strings.Contains(err.Error(), "already started") {
			return nil // the try before was counted as failed
		}
		return err
	})
}

func (m cliManager) create(ctx context.Context, peer int, volume string) error {
	args := []string{"volume", "create", volume, "replica", "3"}
	for n := 1; n <= 3; n++ {
		args = append(args, fmt.Sprintf("node%d:/srv/glusterd-%s", n, volume))
	}
	return m.busy(ctx, peer, args...)
}

func (m cliManager) start(ctx context.Context, peer int, volume string) error {
	return m.busy(ctx, peer, "volume", "start", volume)
}

func (m cliManager) rest(context.Context, int) error { return nil } // a start ends when all is done

// scaleGlusterd goes as far as it comes in the time that is given.
func scaleGlusterd(ctx context.Context, o options, l *lab.Lab, r *scaleReport) error {
	m := cliManager{newGlusterd(l)}
	s := &scale{lab: l, manager: m, volumes: o.scale, until: time.Now().Add(o.glusterdTime), report: r}
	if _, err := s.run(ctx); err != nil {
		return err
	}
	memoryFigures(l, m, r)
	return nil
}
