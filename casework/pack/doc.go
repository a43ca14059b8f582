// Package pack puts all that a hit or a notice rests on into one ZIP, and checks such a ZIP on a machine
// that has never seen the server.
//
// A pack holds both pictures of each hit as they were, the fingerprints and what was in force when they
// were compared (case.json), a drawing of the one laid over the other, the changes of the history that are
// about it with their bytes, a page for people (index.html) and a manifest with the SHA-256 of every file.
// The page says nothing of its own: it is made again from case.json, as the ZIP is from its files, and any
// other byte is a finding.
//
// Verify finds out whether the files are those of the manifest, whether the fingerprints follow from the
// pictures, the distances from the fingerprints and the verdict from the distances, whether each change
// hashes to its digest and follows the one before it, and whether the history says what case.json says. What
// it cannot find out is whether the server's history as a whole is the one that others were shown: the
// digest of the last change is there to be compared.
package pack
