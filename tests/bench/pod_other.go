//go:build !linux

package main

import "errors"

func inPod() (env []string, err error) { return nil, errors.New("want Linux") }
