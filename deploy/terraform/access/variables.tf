variable "name" {
  description = "The name of the new identity, and of what belongs to it."
  type        = string
}

variable "resource_group_name" {
  description = "The resource group of all that is made here."
  type        = string
}

variable "location" {
  description = "Where it is."
  type        = string
}

variable "vault_id" {
  description = "Resource id of the vault, with Azure role-based access control."
  type        = string
}

variable "private_endpoint" {
  description = "The virtual network and the subnet that the vault gets a private endpoint in; null where it has one, or is reached in public."
  type = object({
    virtual_network_id = string
    subnet_id          = string
  })
  default = null
}

variable "private_dns_zone_name" {
  description = "The private zone of the cloud's vaults."
  type        = string
  default     = "privatelink.vaultcore.azure.net"
}
