import java.nio.file.Path;
import java.util.List;
import org.opensearch.common.settings.Settings;
import org.opensearch.env.Environment;
import org.opensearch.http.HttpServerTransport;
import org.opensearch.index.reindex.ReindexPlugin;
import org.opensearch.node.Node;
import org.opensearch.transport.Netty4Plugin;

/**
 * A single-node OpenSearch on 127.0.0.1, for tests. Its only argument is its directory, which it creates. It prints
 * `http 127.0.0.1:PORT` once it responds. It ends when its standard input is closed, so that it
 * never outlives its parent process.
 */
class OpenSearchNode extends Node {
  private OpenSearchNode(Settings settings, Path home) {
    super(new Environment(settings, home.resolve("config")), List.of(Netty4Plugin.class, ReindexPlugin.class), false);
  }

  public static void main(String[] args) throws Exception {
    Path home = Path.of(args[0]).toAbsolutePath();
    Settings settings =
        Settings.builder()
            .put("path.home", home)
            .put("node.name", "test")
            .put("discovery.type", "single-node")
            .put("network.host", "127.0.0.1")
            // Free ports; the transport port is for nodes of a cluster.
            .put("http.port", "0")
            .put("transport.port", "0")
            // A nearly full disk must not make the node refuse documents.
            .put("cluster.routing.allocation.disk.threshold_enabled", false)
            .build();
    try (Node node = new OpenSearchNode(settings, home)) {
      node.start();
      HttpServerTransport http = node.injector().getInstance(HttpServerTransport.class);
      System.out.println("http " + http.boundAddress().publishAddress());
      while (System.in.read() >= 0) {}
    }
    System.exit(0);
  }
}
