//go:build !unix

package command

import (
	"errors"
	"os/exec"
	"syscall"
)

var signals = map[string]syscall.Signal{"KILL": syscall.SIGKILL, "TERM": syscall.SIGTERM, "INT": syscall.SIGINT}

const wake = syscall.SIGTERM

func ownGroup(*exec.Cmd) {}

func signalGroup(int, syscall.Signal) error { return errors.New("signals need a Unix") }
