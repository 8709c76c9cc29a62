package clirpc

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"gd2/pkg/api"
	"gd2/pkg/gfrpc"
)

func TestTools(t *testing.T) {
	d := &daemon{}
	s := newServer(d)
	call(t, s, gfrpc.ProcCLICopyFile, map[string]string{"source": "/glusterfind/x"})
	got := call(t, s, gfrpc.ProcCLISysExec, map[string]string{"command": "add_secret_pub", "cmd_args_count": "2", "cmd_arg_1": "root", "cmd_arg_2": "x"})
	if got.ret != 0 || got.dict.String("output_count") != "2" || got.dict.String("output_2") != "two\n" {
		t.Errorf("%+v", got)
	}
	if got := call(t, s, gfrpc.ProcCLISysExec, map[string]string{"command": "c", "cmd_args_count": "99999999"}); got.ret != -1 {
		t.Errorf("%+v", got)
	}
	d.fail = api.Errorf(api.Invalid, "no such script")
	if got := call(t, s, gfrpc.ProcCLISysExec, map[string]string{"command": "c"}); got.ret != -1 || got.text != "no such script" {
		t.Errorf("%+v", got)
	}
	want := []any{"copy", "/glusterfind/x", "add_secret_pub", []string{"root", "x"}, "c", []string{}}
	if diff := cmp.Diff(want, d.asked); diff != "" {
		t.Error(diff)
	}
}
