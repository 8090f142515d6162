// Package history is what the archive keeps and tells: entries, each a whole
// event with how it fared, and queries about them. It is a leaf: the archive
// answers with these types, and whoever reads the archive, a file or a stream of
// it reads them.
//
// What may go wrong: a query that is none is refused by a sentence that names
// its parameter; a filter that is not true or false for an entry is an error of
// that entry's match, never a silent no.
package history
