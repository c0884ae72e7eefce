variable "virtual_machine_id" {
  description = "Resource id of the virtual machine. Its identity can read the vault's secrets already (see ../access)."
  type        = string
}

variable "observed_certificates" {
  description = "The certificates: objects with a url, and where wanted a store, ACLs, outputs and reactions (docs/settings.md)."
  type        = any

  validation {
    condition     = length(var.observed_certificates) > 0
    error_message = "Name one certificate at least."
  }
}

variable "msi_client_id" {
  description = "Client id of the identity that reads the vaults. Needed where the machine has several."
  type        = string
  default     = null
}

variable "polling_interval_in_s" {
  description = "Seconds between two looks at the vaults."
  type        = number
  default     = 3600
}

variable "require_initial_sync" {
  description = "Whether the deployment waits until every certificate is on the machine."
  type        = bool
  default     = true
}

variable "extra_settings" {
  description = "Further sections of the settings, such as loggingSettings."
  type        = any
  default     = {}
}

variable "publisher" {
  description = "The publisher under which the extension is registered."
  type        = string
  default     = "OpenKeyVault"
}

variable "extension_type" {
  description = "The extension's registered type."
  type        = string
  default     = "KeyVaultForLinux"
}

variable "type_handler_version" {
  description = "Major and minor version; Azure takes the newest build of it."
  type        = string
  default     = "0.1"
}
