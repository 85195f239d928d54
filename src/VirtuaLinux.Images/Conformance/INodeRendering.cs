using VirtuaLinux.Host;
using VirtuaLinux.Model;

namespace VirtuaLinux.Images.Conformance;

/// <summary>What machines render themselves, in the initrd or as boot servers: the projects that do it are above this one.</summary>
public interface INodeRendering
{
    /// <summary>Renders the templates that <paramref name="root"/> carries for its node.</summary>
    /// <exception cref="FailureException">A template with a fault, by file and line.</exception>
    void RenderFiles(string root, Manifest manifest, ManifestNode node);

    /// <summary>Renders what machines of a site boot from, over the network and from the SAN.</summary>
    /// <exception cref="FailureException">A template with a fault, by file and line.</exception>
    void RenderBootMenus(Manifest manifest);
}
