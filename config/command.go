package config

// Command is what command reads beside Function.
type Command struct {
	ConfigFile string `envconfig:"COMMANDS_FILE" default:"/etc/quench/commands.yaml" desc:"The commands: prometheus-am-executor's YAML as it is, or with more. A command may take 5s less than APPLY_TIMEOUT, or what its timeout says."`
	Mask
}
