package api

import "encoding/json"

// HeketiImportReq asks to take over what a Heketi has made (POST /v1/heketi/import; an addition).
type HeketiImportReq struct {
	// Dump is Heketi's answer to GET /db/dump, or a part of it.
	Dump json.RawMessage `json:"dump"`
	// Volumes are the files vols/NAME/info of glusterd, by the name of the volume.
	Volumes map[string]string `json:"volumes,omitempty"`
}

// HeketiImport tells what became of each thing in a dump.
type HeketiImport struct {
	Steps    []HeketiImportStep `json:"steps"`
	Warnings []string           `json:"warnings"`
}

// What becomes of something in a dump.
const (
	// ImportAdopt puts it on record, ImportKeep finds it there, ImportSkip leaves it out.
	ImportAdopt = "adopt"
	ImportKeep  = "keep"
	ImportSkip  = "skip"
)

// HeketiImportStep is one thing in a dump.
type HeketiImportStep struct {
	// Subject is what it is, such as "volume vol_…"; Action one of the words above, with Why if it is left out.
	Subject string `json:"subject"`
	Action  string `json:"action"`
	Why     string `json:"why,omitempty"`
	// Error is why it could not be adopted.
	Error string `json:"error,omitempty"`
}
