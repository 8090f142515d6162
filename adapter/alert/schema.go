package alert

import _ "embed"

// DataSchema is the URI that names Schema, the events' dataschema.
const DataSchema = "https://quench.dev/schemas/alert/v1.json"

// Schema is the JSON schema (draft 2020-12) of an alert event's data.
//
//go:embed schema.json
var Schema []byte
