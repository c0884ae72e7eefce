# A new scale set whose machines get their certificates first, and then what needs them.

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

resource "azurerm_linux_virtual_machine_scale_set" "machines" {
  name                = var.name
  resource_group_name = var.resource_group_name
  location            = var.location
  sku                 = var.sku
  instances           = var.instances
  admin_username      = var.admin_username
  overprovision       = false
  upgrade_mode        = "Automatic"

  # A first sync gives up after 80 minutes, the guest agent's wait after 90.
  extensions_time_budget = "PT90M"

  admin_ssh_key {
    username   = var.admin_username
    public_key = var.ssh_public_key
  }

  source_image_reference {
    publisher = "Canonical"
    offer     = "ubuntu-24_04-lts"
    sku       = "server"
    version   = "latest"
  }

  os_disk {
    storage_account_type = "StandardSSD_LRS"
    caching              = "ReadWrite"
  }

  network_interface {
    name    = "primary"
    primary = true

    ip_configuration {
      name      = "primary"
      primary   = true
      subnet_id = var.subnet_id
    }
  }

  identity {
    type         = "UserAssigned"
    identity_ids = [var.identity_id]
  }

  extension {
    name                       = var.extension_type
    publisher                  = var.publisher
    type                       = var.extension_type
    type_handler_version       = var.type_handler_version
    auto_upgrade_minor_version = true
    settings                   = jsonencode(local.settings)
  }

  extension {
    name                       = "CustomScript"
    publisher                  = "Microsoft.Azure.Extensions"
    type                       = "CustomScript"
    type_handler_version       = "2.1"
    auto_upgrade_minor_version = true
    provision_after_extensions = [var.extension_type]
    settings                   = jsonencode({ commandToExecute = var.command_to_execute })
  }

  timeouts {
    create = "100m"
    update = "100m"
  }
}
