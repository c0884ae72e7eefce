variable "name" {
  description = "The name of the new scale set."
  type        = string
}

variable "resource_group_name" {
  description = "Its resource group."
  type        = string
}

variable "location" {
  description = "Where it is."
  type        = string
}

variable "subnet_id" {
  description = "Resource id of the subnet."
  type        = string
}

variable "identity_id" {
  description = "Resource id of the identity that can read the vault's secrets already (see ../access)."
  type        = string
}

variable "msi_client_id" {
  description = "The same identity's client id."
  type        = string
}

variable "command_to_execute" {
  description = "What runs on each machine once every certificate is there."
  type        = string
}

variable "ssh_public_key" {
  description = "The administrator's public key."
  type        = string
}

variable "admin_username" {
  description = "The administrator's name."
  type        = string
  default     = "azureuser"
}

variable "sku" {
  description = "The size of each machine."
  type        = string
  default     = "Standard_D2s_v5"
}

variable "instances" {
  description = "How many machines."
  type        = number
  default     = 2
}

variable "observed_certificates" {
  description = "The certificates: objects with a url, and where wanted a store, ACLs, outputs and reactions (docs/settings.md)."
  type        = any

  validation {
    condition     = length(var.observed_certificates) > 0
    error_message = "Name one certificate at least."
  }
}

variable "polling_interval_in_s" {
  description = "Seconds between two looks at the vaults."
  type        = number
  default     = 3600
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
