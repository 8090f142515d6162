package config

// Mask is what is taken out of texts that others wrote before they are told.
type Mask struct {
	MaskPatterns string `envconfig:"MASK_PATTERNS" desc:"More to mask in logs and output that are told: regular expressions (RE2), one a line. Groups are masked, or all of the match where there is none."`
	MaskDefaults bool   `envconfig:"MASK_DEFAULTS" default:"true" desc:"Mask what is shipped in function/mask/patterns.txt: tokens, passwords, private keys."`
}

// Command is what command reads beside Function.
type Command struct {
	ConfigFile string `envconfig:"COMMANDS_FILE" default:"/etc/quench/commands.yaml" desc:"The commands: prometheus-am-executor's YAML as it is, or with more. A command may take 5s less than APPLY_TIMEOUT, or what its timeout says."`
	Mask
}
