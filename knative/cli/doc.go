// Package cli is what all commands of a command line have in common: how it calls
// itself as a plugin of kubectl and kn, what the shell completes, and its reference
// in Markdown. It looks at the commands' own words, so that a new command needs
// nothing here: a flag whose usage says `file` completes files, `folder` folders,
// and a format is one of those that the usage names.
package cli
