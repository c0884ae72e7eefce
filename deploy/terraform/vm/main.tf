# The Key Vault extension on a virtual machine that exists.

terraform {
  required_version = ">= 1.5"

  required_providers {
    azurerm = {
      source  = "hashicorp/azurerm"
      version = "~> 4.0"
    }
  }
}

provider "azurerm" {
  features {}
}

resource "azurerm_virtual_machine_extension" "key_vault" {
  name                       = var.extension_type
  virtual_machine_id         = var.virtual_machine_id
  publisher                  = var.publisher
  type                       = var.extension_type
  type_handler_version       = var.type_handler_version
  auto_upgrade_minor_version = true
  settings                   = jsonencode(local.settings)

  timeouts {
    # A first sync may take 80 minutes.
    create = "100m"
    update = "100m"
  }
}
