// Package config reads the environment: one struct for each program, a
// description for each variable, and errors that name the variable, what it
// holds and what would be right. README.md beside this file is generated from
// the structs.
//
// A wrong value stops the start; nothing is guessed and nothing is read later.
package config

//go:generate go run ./gen
