namespace VirtuaLinux.Lab;

/// <summary>Model of a blade's network card.</summary>
public enum NetworkCard
{
    /// <summary>Virtio over PCI: the cheapest to emulate.</summary>
    Virtio,

    /// <summary>Intel 82574L, a card that real servers have.</summary>
    E1000e,
}
