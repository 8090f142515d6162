//go:build unix

package controlplane

import "syscall"

// ownGroup keeps a Ctrl-C from the child, so that it is stopped when the parent is done with it, and no sooner.
func ownGroup() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
